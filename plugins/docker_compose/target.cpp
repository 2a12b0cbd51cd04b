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
        rules_(CopyRules::from_settings(e.settings)),
        copy_(copy_of(project_, rules_)),
        everything_(all_of(copy_)),
        copy_engine_(host, everything_),
        copy_compose_(host, copy_, copy_engine_),
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
  void drill(const DrillRequest& request, Reply<DrillReport> reply) override {
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply), [this, request, deadline] { return start_copy(request, deadline); });
  }
  void observe_drill(const ObserveRequest&, Reply<DrillReport> reply) override {
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply),
                   [this, deadline] { return report_of(copy_engine_.containers(deadline), deadline); });
  }
  void end_drill(const EndDrillRequest& request, Reply<StopReport> reply) override {
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply), [this, request, deadline] {
      const auto stopped = stop_all(copy_engine_, copy_engine_.containers(deadline), request.grace, deadline);
      if (stopped.stopped) copy_engine_.remove_project(deadline);
      return stopped;
    });
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
  static Project all_of(Project project) {
    project.services.clear();
    return project;
  }

  DrillReport start_copy(const DrillRequest& request, const Deadline& deadline) {
    if (!request.folders.empty() && project_.engine.via != EngineAddress::Via::unix_socket) {
      throw Failure(Status::invalid, "the engine is on another machine, where the copy's state is not",
                    "drill it with --switchover");
    }
    const auto before = copy_engine_.containers(deadline);
    for (const auto& c : living(before)) {
      if (c.drill != request.drill)
        throw Failure(Status::conflict, "a copy of another drill runs here: " + describe(before), "end that first");
    }
    copy_compose_.up_copy(request, rules_, deadline);
    return report_of(copy_engine_.containers(deadline), deadline);
  }

  /// Its healthchecks count here: a copy without published ports has no others.
  DrillReport report_of(const Containers& all, const Deadline& deadline) {
    auto seen = observation_of(all);
    const bool waiting = std::ranges::any_of(
        all, [](const Container& c) { return c.lives() && (c.health == "starting" || c.health == "unhealthy"); });
    if (seen.state == Observation::State::active && waiting) seen.state = Observation::State::starting;
    if (std::ranges::any_of(all, &Container::failed) || living(all).empty()) {
      seen.state = Observation::State::stopped;
      seen.detail = describe(all);
      for (const auto& line : last_words(copy_compose_, deadline)) seen.detail += " | " + line;
    }
    return {seen.state, rules_.ports, std::move(seen.detail)};
  }

  static std::vector<std::string> last_words(Compose& compose, const Deadline& deadline) {
    try {
      return compose.logs(3, deadline);
    } catch (const Failure&) {  // the failure itself is the news
      return {};
    }
  }

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
    for (const auto& line : last_words(compose_, deadline)) said += " | " + line;
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
    return stop_all(engine_, std::move(running), request.grace, deadline);
  }

  StopReport stop_all(Engine& engine, Containers running, Millis grace, const Deadline& deadline) {
    engine.forget_restart(running, deadline);
    const bool always = std::ranges::any_of(running, [](const Container& c) { return c.restart_policy == "always"; });
    running = living(running);
    const bool ran = !running.empty();
    running = ask_to_stop(engine, std::move(running), grace, deadline);
    if (!running.empty()) {
      engine.kill(running, deadline);
      running = wait_until_gone(engine, deadline);
    }
    if (!running.empty()) return {false, "the engine still shows " + describe(running) + " after stop and kill"};
    std::string detail = ran ? "the engine shows every container stopped" : "nothing ran";
    if (always) detail += still_restarted(engine, deadline);
    return {true, std::move(detail)};
  }

  /// What could not be taken from a container (the disk is full) is tried once more, and said.
  static std::string still_restarted(Engine& engine, const Deadline& deadline) {
    const auto always = [&] {
      auto all = engine.containers(deadline);
      std::erase_if(all, [](const Container& c) { return c.restart_policy != "always"; });
      return all;
    };
    auto left = always();
    if (left.empty()) return "";
    engine.forget_restart(left, deadline);
    left = always();
    return left.empty() ? ""
                        : "; beware: the engine starts " + describe(left) +
                              " again when it is started itself (restart policy always)";
  }

  /// Those that others need end last. What still lives in the end is returned.
  static Containers ask_to_stop(Engine& engine, Containers running, Millis grace, const Deadline& deadline) {
    std::size_t rounds = running.size() + 1;
    while (!running.empty() && rounds-- > 0) {
      const auto room = deadline.left() - kept_for_looking;
      if (room <= Millis(0)) break;
      const auto next = first_to_stop(running);
      engine.stop(next, std::min(grace, room), deadline);
      const auto left = living(engine.containers(deadline));
      const bool stuck = std::ranges::any_of(
          next, [&](const Container& c) { return std::ranges::find(left, c.id, &Container::id) != left.end(); });
      running = left;
      if (stuck) break;
    }
    return running;
  }

  Containers wait_until_gone(Engine& engine, const Deadline& deadline) {
    const Deadline soon(std::min(after_kill, deadline.left()));
    auto left = living(engine.containers(deadline));
    while (!left.empty() && soon.left() > Millis(1)) {
      if (!host_.blocking("timer.after/1", {{"ms", look_every.count()}}, Millis(5'000)).ok()) break;
      left = living(engine.containers(deadline));
    }
    return left;
  }

  Host& host_;
  const Project project_;
  const Json price_;
  Engine engine_;
  Compose compose_;
  const CopyRules rules_;
  const Project copy_, everything_;  ///< of a drill: what is started, and all that may run of it
  Engine copy_engine_;
  Compose copy_compose_;
  const Millis survive_;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

std::unique_ptr<Provider> make_target(Host& host, const Envelope& envelope) {
  return std::make_unique<Target>(host, envelope);
}

}  // namespace compose_plugin
