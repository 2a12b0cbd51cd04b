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

constexpr Millis first_look{250}, longest_look{2'000}, cold_start{120'000}, while_busy{1'000}, stop_grace{10'000};

class Supervised final : public Mode {
 public:
  Supervised(Host& host, CloudRun& run, Supervisor& supervisor, ModeSettings settings)
      : host_(host), run_(run), supervisor_(supervisor), settings_(std::move(settings)), url_(settings_.url) {}

  Observation observe(const Deadline& deadline) override {
    return observe(deadline, [](const SupervisorHealth&) {});
  }

  Observation activate(const ActivateRequest& request, const Deadline& deadline) override {
    const auto before = awake(deadline);
    if (before.epoch && *before.epoch > request.epoch) {
      throw Failure(Status::conflict, "epoch " + std::to_string(request.epoch) + " is older than " +
                                          std::to_string(*before.epoch) + ", which was started here");
    }
    if (runs(before) && before.epoch != request.epoch)
      throw Failure(Status::conflict, "it runs already, with another epoch: " + before.detail, "stop it first");
    const bool heard =
        runs(before) || ask([&] { return supervisor_.activate(base(deadline), request, deadline); }, deadline);
    return until_active(request, heard, deadline);
  }

  StopReport deactivate(const DeactivateRequest& request, const Deadline& deadline) override {
    const auto before = witnessed(deadline);
    const auto epoch = before.epoch.value_or(0);
    if (epoch > request.epoch && runs(before))
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(epoch) + ") runs here");
    // Nobody there to be told, or somebody who starts nothing of this epoch any more.
    if (before.state == State::stopped && (!before.answered || epoch > request.epoch)) return stopped(before);
    // Which supervisor heard it: another one, in its place, knows nothing of it.
    auto heard = ask([&] { return supervisor_.deactivate(base(deadline), request, deadline); }, deadline);
    Millis wait = first_look;
    while (true) {
      const auto now = witnessed(deadline);
      if (now.state == State::stopped && (!now.answered || heard == now.instance)) return stopped(now);
      if (deadline.left() < wait * 2)
        return {false, now.detail + (heard ? "" : "; it is not known whether the supervisor heard of the stop")};
      // Not while it stops: the agent would take a repeat for an end without its last save.
      const bool told = heard && (!now.answered || heard == now.instance);
      if (!told && now.state != State::stopping) heard = told_again(request, deadline);
      pause(host_, wait);
      wait = std::min(wait * 3 / 2, longest_look);
    }
  }

  PrewarmReport prewarm(const Deadline& deadline) override {
    keep_one(deadline);
    return {true, awake(deadline).detail};
  }

  /// Stopped first, so that the two revisions never both run it.
  RollbackReport rollback(const RollbackRequest& request, const Deadline& deadline) override {
    const auto now = run_.look(deadline);
    if (now.rolled_back.operation == request.operation && now.rolled_back.to == serving(now))
      return told(now.rolled_back, "done before");
    const auto ran = observe(deadline);
    if (runs(ran) && ran.epoch && *ran.epoch > request.epoch)
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*ran.epoch) + ") runs here");
    const auto all = run_.revisions(deadline);
    (void)chosen(all, serving(now));  // is there one? asked before anything is touched
    if (!runs(ran) && ran.state != State::stopped) {
      throw Failure(Status::transient,
                    "it cannot be told whether the workload runs, and it must not run twice: " + ran.detail,
                    "once it is seen stopped or running, ask again");
    }
    if (!runs(ran)) return told(rerouted(request, all, deadline), ran.detail);
    const auto epoch = ran.epoch.value_or(request.epoch);
    const auto report = deactivate({request.service, request.target, epoch, request.operation, stop_grace}, deadline);
    if (!report.stopped)
      throw Failure(Status::unknown, "the workload could not be stopped for the rollback: " + report.detail);
    if (report.instance && report.instance != ran.instance) {
      throw Failure(Status::unknown,
                    "another instance answered the stop than the one that ran the workload, which may still run it: " +
                        report.detail,
                    "ask again when that one has certainly ended");
    }
    return again(request, epoch, all, deadline);
  }

 private:
  static bool runs(const Observation& seen) { return seen.state == State::active || seen.state == State::starting; }
  static Observation told(const SupervisorHealth& health) {
    return {health.state, health.epoch, health.detail, health.instance, health.unsaved};
  }
  /// Whose word it is goes along: a fresh instance speaks of itself only.
  static StopReport stopped(const Observation& seen) { return {true, seen.detail, seen.instance, seen.unsaved}; }

  template <class Fn>
  Observation observe(const Deadline& deadline, Fn with_health) {
    SupervisorHealth health;
    try {
      health = supervisor_.health(base(deadline), deadline.at_most(deadline.left() * 2 / 3));
    } catch (const Failure& failure) {
      return unanswered(failure.error(), deadline);
    }
    with_health(health);
    return told(health);
  }

  struct Witnessed : Observation {
    bool answered = false;  ///< by the supervisor itself
  };
  Witnessed witnessed(const Deadline& deadline) {
    Witnessed out;
    static_cast<Observation&>(out) = observe(deadline, [&](const SupervisorHealth&) { out.answered = true; });
    return out;
  }

  /// A start that is still on its way to the supervisor is refused only once it has heard of the stop.
  std::optional<std::string> told_again(const DeactivateRequest& request, const Deadline& deadline) {
    try {
      return supervisor_.deactivate(base(deadline), request, deadline);
    } catch (const Failure&) {  // whatever it is: the first one may have been heard
      return std::nullopt;
    }
  }

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
      return told(supervisor_.health(base(deadline), deadline.at_most(deadline.left() / 4)));
    } catch (const Failure& failure) {
      if (failure.error().status == Status::denied || failure.error().status == Status::cancelled) throw;
    }
    try {
      keep_one(deadline);
      return answering(deadline.at_most(cold_start));
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

  /// Which supervisor heard it. A lost answer is looked into (none); a refusal is passed on. What the supervisor is
  /// busy with is waited for.
  template <class Fn>
  [[nodiscard]] std::optional<std::string> ask(Fn fn, const Deadline& deadline) {
    while (true) {
      try {
        return fn();
      } catch (const Failure& failure) {
        if (failure.error().status == Status::unknown) return std::nullopt;
        if (failure.error().kind != "busy" || deadline.left() < while_busy * 2) throw;
      }
      pause(host_, while_busy);
    }
  }

  /// The start came to nothing, in the supervisor's own words. `heard`: they can be of this request only.
  static void tell_failure(const SupervisorHealth& now, const ActivateRequest& request, bool heard) {
    if (!heard || !now.failed || now.state != State::stopped || now.failed->epoch != request.epoch ||
        now.failed->operation != request.operation)
      return;
    throw Failure(Status::transient, "the supervisor could not start the workload: " + now.failed->why,
                  "the service's log says more");
  }

  Observation until_active(const ActivateRequest& request, bool heard, const Deadline& deadline) {
    Millis wait = first_look;
    while (true) {
      const auto now = observe(deadline, [&](const SupervisorHealth& h) { tell_failure(h, request, heard); });
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

  static std::string chosen(const std::vector<Revision>& all, const std::string& serves) {
    auto it = std::ranges::find(all, serves, &Revision::name);
    if (it != all.end()) it = std::find_if(std::next(it), all.end(), [](const Revision& r) { return r.ready; });
    if (it == all.end()) throw Failure(Status::invalid, "there is no earlier ready revision to roll back to");
    return it->name;
  }

  static RollbackReport told(const ServiceView::RolledBack& done, const std::string& more) {
    return {done.from, done.to, "all traffic goes to " + done.to + "; " + more};
  }

  /// All traffic to the ready revision before the one that serves.
  ServiceView::RolledBack route(const RollbackRequest& request, const std::vector<Revision>& all,
                                const Deadline& deadline) {
    return run_
        .change(
            [&](const ServiceView& now) -> std::optional<Patch> {
              if (now.rolled_back.operation == request.operation) return std::nullopt;
              const auto from = serving(now), to = chosen(all, from);
              Patch out = routed(to);
              note_rollback(out, now, {request.operation, from, to, 0, false});
              return out;
            },
            CloudRun::Until::ready, deadline)
        .rolled_back;
  }

  /// Likewise of what is stopped. A change that was taken and came to nothing is an effect all the same.
  ServiceView::RolledBack rerouted(const RollbackRequest& request, const std::vector<Revision>& all,
                                   const Deadline& deadline) {
    try {
      return route(request, all, deadline);
    } catch (const Failure& failure) {
      Error error = failure.error();
      if (error.kind == "operation") error.status = Status::unknown;
      throw Failure(error);
    }
  }

  /// What was stopped for a rollback is started in the earlier revision. From here on there was an effect.
  RollbackReport again(const RollbackRequest& request, std::uint64_t epoch, const std::vector<Revision>& all,
                       const Deadline& deadline) {
    try {
      const auto done = route(request, all, deadline);
      const auto seen = activate({request.service, request.target, epoch, request.operation, "", "rollback"}, deadline);
      return told(done, seen.detail);
    } catch (const Failure& failure) {
      Error error = failure.error();
      error.status = Status::unknown;
      error.message = "the workload was stopped for the rollback, and then: " + error.message;
      throw Failure(error);
    }
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
