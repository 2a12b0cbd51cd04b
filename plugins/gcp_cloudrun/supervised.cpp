// A supervisor that is always up in the service starts and stops the workload. The control plane is needed only when
// no instance is kept: a failover must not depend on it when the supervisor answers.
#include <algorithm>
#include <mutex>

#include "mode.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;
using State = Observation::State;

constexpr Millis first_look{250}, longest_look{2'000}, cold_start{120'000};

class Supervised final : public Mode {
 public:
  Supervised(Host& host, CloudRun& run, Supervisor& supervisor, ModeSettings settings)
      : host_(host), run_(run), supervisor_(supervisor), settings_(std::move(settings)), url_(settings_.url) {}

  Observation observe(const Deadline& deadline) override {
    try {
      return told(supervisor_.health(base(deadline), deadline.within(deadline.left() * 2 / 3)));
    } catch (const Failure& failure) {
      return unanswered(failure.error(), deadline);
    }
  }

  Observation activate(const ActivateRequest& request, const Deadline& deadline) override {
    const auto before = awake(deadline);
    if (before.epoch && *before.epoch > request.epoch) {
      throw Failure(Status::conflict, "epoch " + std::to_string(request.epoch) + " is older than " +
                                          std::to_string(*before.epoch) + ", which was started here");
    }
    if (runs(before) && before.epoch != request.epoch)
      throw Failure(Status::conflict, "it runs already, with another epoch: " + before.detail, "stop it first");
    if (!runs(before)) ask([&] { supervisor_.activate(base(deadline), request, deadline); });
    return until_active(request, deadline);
  }

  StopReport deactivate(const DeactivateRequest& request, const Deadline& deadline) override {
    const auto before = observe(deadline);
    if (before.state == State::stopped) return {true, before.detail};
    if (before.epoch && *before.epoch > request.epoch && runs(before))
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*before.epoch) + ") runs here");
    ask([&] { supervisor_.deactivate(base(deadline), request, deadline); });
    Millis wait = first_look;
    while (true) {
      const auto now = observe(deadline);
      if (now.state == State::stopped) return {true, now.detail};
      if (deadline.left() < wait * 2) return {false, now.detail};
      pause(host_, wait);
      wait = std::min(wait * 3 / 2, longest_look);
    }
  }

  Observation prewarm(const Deadline& deadline) override {
    keep_one(deadline);
    return awake(deadline);
  }

  std::string rollback(const std::string& revision, const Deadline& deadline) override {
    const auto all = run_.revisions(deadline);
    std::string to;
    (void)run_.change(
        [&](const ServiceView& now) -> std::optional<Patch> {
          const std::string serves = serving(now);
          if (!to.empty() && serves == to) return std::nullopt;
          if (to.empty()) to = chosen(all, serves, revision);
          if (serves == to) return std::nullopt;
          return routed(to);
        },
        CloudRun::Until::ready, deadline);
    return to;
  }

 private:
  static bool runs(const Observation& seen) { return seen.state == State::active || seen.state == State::starting; }
  static Observation told(const SupervisorHealth& health) { return {health.state, health.epoch, health.detail}; }

  /// Where the supervisor is.
  std::string base(const Deadline& deadline) {
    {
      const std::lock_guard lock(mutex_);
      if (!url_.empty()) return url_;
    }
    auto found = run_.look(deadline).uri;
    if (found.empty()) {
      throw Failure(Status::transient, "the service " + settings_.role.service + " has no address yet",
                    "deploy it once, or set `url`");
    }
    const std::lock_guard lock(mutex_);
    return url_ = found;
  }

  /// A supervisor that does not answer is stopped only when Cloud Run shows that there is no instance.
  Observation unanswered(const Error& error, const Deadline& deadline) {
    Observation out;
    out.detail = error.message;
    try {
      const auto view = run_.look(deadline);
      const auto shown = seen(view, settings_);
      out.detail += "; Cloud Run shows " + view.summary();
      if (shown.state == State::stopped && view.manual) out.state = State::stopped;
    } catch (const Failure& failure) {
      out.detail += "; " + failure.error().message;
    }
    return out;
  }

  /// What the supervisor says; started when Cloud Run keeps no instance of it.
  Observation awake(const Deadline& deadline) {
    try {
      return told(supervisor_.health(base(deadline), deadline.within(deadline.left() / 4)));
    } catch (const Failure& failure) {
      if (failure.error().status == Status::denied || failure.error().status == Status::cancelled) throw;
    }
    try {
      keep_one(deadline);
      return answering(deadline.within(cold_start));
    } catch (const Failure& failure) {
      // Instances were kept at most: the workload starts only when the supervisor is asked.
      Error error = failure.error();
      if (error.status == Status::unknown) error.status = Status::transient;
      throw Failure(error);
    }
  }

  Observation answering(const Deadline& deadline) {
    Millis wait = first_look;
    while (true) {
      try {
        return told(supervisor_.health(base(deadline), deadline));
      } catch (const Failure& failure) {
        if (failure.error().status != Status::transient || deadline.left() < wait * 2) throw;
      }
      pause(host_, wait);
      wait = std::min(wait * 3 / 2, longest_look);
    }
  }

  void keep_one(const Deadline& deadline) {
    (void)run_.change(
        [&](const ServiceView& now) -> std::optional<Patch> {
          if (settings_.role.works_between_requests && now.cpu_only_in_requests) {
            const auto problem = no_cpu(settings_.role.service);
            throw Failure(Status::invalid, problem.message, problem.hint);
          }
          if (now.kept_instances() > 0) return std::nullopt;
          return scaled(now, now.manual ? Scaling::manual : Scaling::minimum, settings_.instances);
        },
        CloudRun::Until::ready, deadline);
  }

  /// A lost answer is looked into; a refusal is passed on.
  template <class Fn>
  static void ask(Fn fn) {
    try {
      fn();
    } catch (const Failure& failure) {
      if (failure.error().status != Status::unknown) throw;
    }
  }

  Observation until_active(const ActivateRequest& request, const Deadline& deadline) {
    Millis wait = first_look;
    while (true) {
      const auto now = observe(deadline);
      if (now.state == State::active && (!now.epoch || *now.epoch == request.epoch)) return now;
      if (now.epoch && *now.epoch > request.epoch)
        throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*now.epoch) + ") was started meanwhile");
      if (deadline.left() < wait * 2) {
        throw Failure(Status::unknown,
                      "the supervisor was asked to start the workload, and it does not run yet: " + now.detail,
                      "see the service's log; give it a longer activate_timeout if restoring takes so long");
      }
      pause(host_, wait);
      wait = std::min(wait * 3 / 2, longest_look);
    }
  }

  static std::string serving(const ServiceView& view) {
    for (const auto& target : list_of(view.raw, "trafficStatuses")) {
      if (number_of(target, "percent") == 100 && !text_of(target, "revision").empty())
        return short_name(text_of(target, "revision"));
    }
    return short_name(view.latest_ready);
  }

  static std::string chosen(const std::vector<Revision>& all, const std::string& serves, const std::string& named) {
    if (!named.empty()) {
      const auto it = std::ranges::find(all, named, &Revision::name);
      if (it == all.end()) throw Failure(Status::invalid, "there is no revision " + named);
      if (!it->ready) throw Failure(Status::invalid, "the revision " + named + " is not ready");
      return named;
    }
    auto it = std::ranges::find(all, serves, &Revision::name);
    if (it != all.end()) it = std::find_if(std::next(it), all.end(), [](const Revision& r) { return r.ready; });
    if (it == all.end()) throw Failure(Status::invalid, "there is no earlier ready revision to roll back to");
    return it->name;
  }

  Host& host_;
  CloudRun& run_;
  Supervisor& supervisor_;
  const ModeSettings settings_;
  std::mutex mutex_;
  std::string url_;  ///< found once; the address of a service does not change
};

}  // namespace

std::unique_ptr<Mode> supervised(Host& host, CloudRun& run, Supervisor& supervisor, ModeSettings settings) {
  return std::make_unique<Supervised>(host, run, supervisor, std::move(settings));
}

}  // namespace gcp
