#include "target.hpp"

#include <algorithm>

#include "compose.hpp"

namespace compose_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis after_kill{5'000}, kept_for_looking{4'000}, look_every{100};

class Target final : public StandbyTarget {
 public:
  Target(Host& host, const Envelope& e)
      : host_(host),
        project_(Project::from_settings(e.settings)),
        price_(e.settings.value("price", Json::object())),
        engine_(host, project_),
        compose_(host, project_, engine_),
        survive_(e.settings.value("started_after", std::int64_t{250})) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply), [this, deadline] { return observation_of(engine_.containers(deadline)); });
  }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply), [this, request, deadline] { return start(request, deadline); });
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply), [this, request, deadline] { return stop(request, deadline); });
  }
  void logs(const LogsRequest& request, Reply<LogLines> reply) override {
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply), [this, request, deadline] {
      return LogLines{compose_.logs(std::clamp(request.lines, 1, 10'000), deadline)};
    });
  }
  void quote(Reply<Quote> reply) override {
    Quote q;
    q.standby_usd_per_hour = price_.value("standby_per_hour", 0.0);
    q.active_usd_per_hour = price_.value("active_per_hour", 0.0);
    q.source = price_.empty() ? "this host is paid for already" : "the target's settings";
    reply(q);
  }

 private:
  Observation start(const ActivateRequest& request, const Deadline& deadline) {
    const auto before = engine_.containers(deadline);
    const auto epoch = newest_epoch(before);
    if (epoch && *epoch > request.epoch) {
      throw Failure(Status::conflict, "epoch " + std::to_string(request.epoch) + " is older than " +
                                          std::to_string(*epoch) + ", which was started here");
    }
    if (const auto alive = living(before); !alive.empty()) {
      // Of this very epoch: an earlier try that got part of the way. `up` completes it and changes nothing that runs.
      const bool ours = std::ranges::all_of(alive, [&](const Container& c) { return c.epoch == request.epoch; });
      if (!ours)
        throw Failure(Status::conflict, "it runs already, with another epoch: " + describe(alive), "stop it first");
    }
    try {
      compose_.up(request, deadline);
      return started(deadline);
    } catch (const Failure& failure) {
      throw Failure(as_seen(failure.error()));
    }
  }

  /// Compose is content when a container was started; here it must also live for a moment.
  Observation started(const Deadline& deadline) {
    (void)host_.blocking("timer.after/1", {{"ms", survive_.count()}}, survive_ + Millis(5'000));
    const auto now = engine_.containers(deadline);
    if (std::ranges::none_of(now, &Container::failed) && !living(now).empty()) return observation_of(now);
    std::string said;
    try {
      for (const auto& line : compose_.logs(3, deadline)) said += " | " + line;
    } catch (const Failure&) {  // the failure itself is the news
    }
    throw Failure(Status::transient, "the project was started and ended at once: " + describe(now) + said);
  }

  /// Any status but `unknown` promises that nothing runs: so that is looked at.
  Error as_seen(Error error) {
    try {
      if (living(engine_.containers(Deadline(kept_for_looking))).empty()) {
        if (error.status == Status::unknown) error.status = Status::transient;
        return error;
      }
    } catch (const Failure&) {  // NOLINT(bugprone-empty-catch): not seen, so not known
    }
    error.status = Status::unknown;
    return error;
  }

  StopReport stop(const DeactivateRequest& request, const Deadline& deadline) {
    auto running = engine_.containers(deadline);
    const auto epoch = newest_epoch(living(running));
    if (epoch && *epoch > request.epoch)
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*epoch) + ") runs here");
    engine_.forget_restart(running, deadline);
    running = living(running);
    const bool ran = !running.empty();
    running = ask_to_stop(std::move(running), request.grace, deadline);
    if (!running.empty()) {
      engine_.kill(running, deadline);
      running = wait_until_gone(deadline);
    }
    if (!running.empty()) return {false, "the engine still shows " + describe(running) + " after stop and kill"};
    return {true, ran ? "the engine shows every container stopped" : "nothing ran"};
  }

  /// Those that others need end last. What still lives in the end is returned.
  Containers ask_to_stop(Containers running, Millis grace, const Deadline& deadline) {
    std::size_t rounds = running.size() + 1;
    while (!running.empty() && rounds-- > 0) {
      const auto room = deadline.left() - kept_for_looking;
      if (room <= Millis(0)) break;
      const auto next = first_to_stop(running);
      engine_.stop(next, std::min(grace, room), deadline);
      const auto left = living(engine_.containers(deadline));
      const bool stuck = std::ranges::any_of(
          next, [&](const Container& c) { return std::ranges::find(left, c.id, &Container::id) != left.end(); });
      running = left;
      if (stuck) break;
    }
    return running;
  }

  Containers wait_until_gone(const Deadline& deadline) {
    const Deadline soon(std::min(after_kill, deadline.left()));
    auto left = living(engine_.containers(deadline));
    while (!left.empty() && soon.left() > Millis(1)) {
      if (!host_.blocking("timer.after/1", {{"ms", look_every.count()}}, Millis(5'000)).ok()) break;
      left = living(engine_.containers(deadline));
    }
    return left;
  }

  Host& host_;
  const Project project_;
  const Json price_;
  Engine engine_;
  Compose compose_;
  const Millis survive_;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

std::unique_ptr<Provider> make_target(Host& host, const Envelope& envelope) {
  return std::make_unique<Target>(host, envelope);
}

}  // namespace compose_plugin
