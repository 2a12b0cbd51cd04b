#include "target.hpp"

#include "agent.hpp"
#include "diagnosis.hpp"

namespace agent_plugin {
namespace {

using namespace understudy::sdk;
using State = Observation::State;

std::string key_name(const Json& settings) {
  const auto& key = settings.at("api_key");
  if (!key.is_object() || !key.contains("$secret"))
    throw Failure(Status::invalid, "`api_key` is no secret", "write it as { env = \"NAME\" }");
  return key.at("$secret").get<std::string>();
}

/// The epoch is the newest that the agent knows: it says nothing of what has stopped.
Observation seen(const Report& report) {
  const auto state = report.state();
  return {state, state == State::stopped ? std::nullopt : report.epoch, report.told(), report.instance,
          report.left_unsaved()};
}

/// Its own word, of itself only: another instance may have been here before.
StopReport stopped(const Report& report) { return {true, report.told(), report.instance, report.left_unsaved()}; }

class Target final : public StandbyTarget {
 public:
  Target(Host& host, const Envelope& e)
      : host_(host),
        agent_(host, place_of(e), key_name(e.settings), e.settings.value("store", "")),
        poll_(e.settings.value("poll", std::int64_t{250})) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, deadline] { return seen(agent_.health(deadline)); });
  }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply), [this, request, deadline] { return start(request, deadline); });
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply), [this, request, deadline] { return stop(request, deadline); });
  }
  void quote(Reply<Quote> reply) override {
    Quote out;
    out.source = "your own host: it is paid for already";
    reply(out);
  }
  void diagnose(const DiagnoseRequest&, Reply<DiagnoseReport> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, deadline] { return agent_plugin::diagnose(agent_, deadline); });
  }

 private:
  /// What the agent says, or nothing and why in `silence`, when it does not answer just now.
  std::optional<Report> look(const Deadline& deadline, std::string& silence) {
    try {
      return agent_.health(deadline);
    } catch (const Failure& failure) {
      if (failure.error().status != Status::transient) throw;
      silence = failure.error().message;
      return std::nullopt;
    }
  }

  /// The instance that took the order; none when one may have. What it is busy with is waited for.
  template <class Fn>
  std::optional<std::string> ordered(Fn order, const Deadline& deadline) {
    while (true) {
      try {
        return order();
      } catch (const Failure& failure) {
        if (failure.error().status == Status::unknown) return std::nullopt;
        if (failure.error().kind != "busy" || deadline.near(poll_)) throw;
      }
      pause(host_, poll_);
    }
  }

  /// Once it may have been heard, only the agent's word that the epoch is over is an answer.
  template <class Fn>
  bool ordered_again(Fn order) {
    try {
      (void)order();
      return true;
    } catch (const Failure& failure) {
      const auto status = failure.error().status;
      if (status == Status::conflict || status == Status::cancelled) throw;
      return false;
    }
  }

  Observation start(const ActivateRequest& request, const Deadline& deadline) {
    // Before anything is asked for: is it the agent that is meant?
    (void)agent_.health(deadline);
    const auto order = [&] { return agent_.activate(request, deadline); };
    bool heard = ordered(order, deadline).has_value();
    std::string silence;
    while (true) {
      const auto now = watch(deadline, silence);
      if (now && now->epoch && *now->epoch > request.epoch)
        throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*now->epoch) + ") was taken meanwhile");
      if (now && now->mode == "active" && now->epoch == request.epoch) return seen(*now);
      if (now && heard) tell_failure(*now, request);
      if (now && !heard) heard = ordered_again(order);
      if (deadline.near(poll_)) {
        throw Failure(
            Status::unknown,
            "the agent was asked to start the workload, and it does not run yet: " + (now ? now->told() : silence),
            "see the agent's log; give it a longer activate_timeout if restoring takes so long");
      }
      pause(host_, poll_);
    }
  }

  /// From here on a start is possible: what else may be wrong with an answer is no promise that there was none.
  std::optional<Report> watch(const Deadline& deadline, std::string& silence) {
    try {
      return agent_.health(deadline);
    } catch (const Failure& failure) {
      if (failure.error().status == Status::cancelled) throw;
      silence = failure.error().message;
      return std::nullopt;
    }
  }

  static void tell_failure(const Report& now, const ActivateRequest& request) {
    if (!now.failed || now.mode != "standby" || now.failed->epoch != request.epoch ||
        now.failed->operation != request.operation)
      return;
    throw Failure(Status::transient, "the agent could not start the workload: " + now.failed->why,
                  "the agent's log says more");
  }

  using Began = std::optional<std::chrono::steady_clock::time_point>;
  /// Its process is another one than before.
  static bool again(const Began& before, const Began& now) {
    return before && now && *now - *before > std::chrono::seconds(2);  // more than an answer may take longer
  }

  StopReport stop(const DeactivateRequest& request, const Deadline& deadline) {
    std::string silence;
    std::optional<std::string> heard;  // the instance that was told: another one knows nothing of it
    auto now =
        std::optional(agent_.health(deadline));  // is it the agent that is meant? Nothing there: nothing is asked
    auto began = now->began;
    while (true) {
      if (now && again(began, now->began)) heard.reset();  // it has forgotten the last save that it owes
      if (now && now->began) began = now->began;
      if (now && over(*now, request)) return stopped(*now);
      // Repeats are harmless, also while it stops: the same grace counts on from the first.
      if (now && heard != now->instance)
        heard = ordered([&] { return agent_.deactivate(request, deadline); }, deadline);
      now = look(deadline, silence);
      const bool same = now && heard == now->instance && !again(began, now->began);
      if (same && now->state() == State::stopped) return stopped(*now);
      if (deadline.near(poll_)) {
        return {false,
                (now ? now->told() : silence) + (heard ? "" : "; it is not known whether the agent heard of the stop")};
      }
      pause(host_, poll_);
    }
  }

  /// A newer epoch was taken here. When nothing runs either, nothing of ours ever will again.
  static bool over(const Report& now, const DeactivateRequest& request) {
    if (now.epoch.value_or(0) <= request.epoch) return false;
    if (now.state() == State::stopped) return true;
    throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*now.epoch) + ") is at work here");
  }

  Host& host_;
  Agent agent_;
  const Millis poll_;
  Worker acting_, looking_;  // last: their threads end before what they use. Two, so that a long start can be watched
};

}  // namespace

std::unique_ptr<Provider> make_target(Host& host, const Envelope& envelope) {
  return std::make_unique<Target>(host, envelope);
}

}  // namespace agent_plugin
