#include "core/drill/drill.hpp"

#include <algorithm>
#include <utility>

namespace understudy::drill {
namespace {

using Actions = std::vector<Action>;

struct Stepper {
  State& s;
  Time now;

  [[nodiscard]] Millis elapsed(Time from) const { return std::chrono::duration_cast<Millis>(now - from); }

  void enter(Stage next) const {
    s.stage = next;
    s.since = now;
  }

  void end_stage(bool ok, const std::string& detail) const {
    s.lines.push_back({s.stage, elapsed(s.since), ok, detail});
  }

  void failed(const std::string& why) const {
    if (s.failure.empty()) s.failure = why;
  }

  /// Where it is left is told whatever went wrong before.
  void left(const std::string& where) const {
    s.failure = s.failure.empty() ? where : s.failure + "; " + where;
    s.verified = false;
  }

  [[nodiscard]] Actions finish() const {
    enter(Stage::over);
    return {{Act::finish}};
  }

  [[nodiscard]] Actions start() const {
    enter(Stage::start);
    s.started = true;
    s.start_asked = now;
    return {{Act::start}};
  }

  [[nodiscard]] Actions stop() const {
    enter(Stage::stop);
    return {{Act::stop}};
  }

  [[nodiscard]] Actions give_up(const std::string& why) const {
    end_stage(false, why);
    failed(why);
    s.ready_in = elapsed(s.start_asked);
    return stop();
  }

  Actions operator()(const Begun&) const {
    if (!s.terms.needs_state) return start();
    enter(Stage::prepare);
    return {{Act::prepare}};
  }

  Actions operator()(const Recovered&) const {
    s.started = true;
    s.cancelled = true;
    failed("the orchestrator ended in the middle of it");
    return stop();
  }

  Actions operator()(const Prepared& e) const {
    if (s.stage != Stage::prepare) return {};
    end_stage(e.ok, e.detail);
    if (!e.ok) failed(e.detail);
    return e.ok && !s.cancelled ? start() : finish();
  }

  Actions operator()(const Asked&) const {
    if (s.stage == Stage::start) s.start_asked = now;
    return {};
  }

  Actions operator()(const Started& e) const {
    if (s.stage != Stage::start) return {};
    if (!e.ok || s.cancelled) return give_up(e.ok ? s.failure : e.detail);
    end_stage(true, e.detail);
    s.ready_in = e.ready_in.value_or(elapsed(s.start_asked));
    enter(Stage::verify);
    return {{Act::watch}, {Act::arm, s.terms.verify_timeout}};
  }

  Actions operator()(const Healthy& e) const {
    if (s.stage != Stage::verify) return {};
    end_stage(true, e.detail);
    s.verified = true;
    if (!s.terms.ready_once_started) s.ready_in = elapsed(s.start_asked);
    return stop();
  }

  Actions operator()(const Unhealthy& e) const {
    if (s.stage != Stage::verify) return {};
    return give_up(e.detail);
  }

  Actions operator()(const Stopped& e) const {
    if (s.stage != Stage::stop) return {};
    if (e.left) left(e.detail);
    if (e.ok || e.left) {
      end_stage(e.ok, e.detail);
      return finish();
    }
    s.stop_waits = true;
    if (e.not_yet) return {{Act::arm, s.terms.retry_initial}};
    ++s.stops;
    const Millis wait = std::min<Millis>(s.terms.retry_max, s.terms.retry_initial * (1LL << std::min(s.stops - 1, 20)));
    Actions out{{Act::arm, wait}};
    if (s.stops == s.terms.stuck_after) out.push_back({Act::tell_stuck});
    return out;
  }

  Actions operator()(const Expired&) const {
    if (s.stage == Stage::stop) return std::exchange(s.stop_waits, false) ? Actions{{Act::stop}} : Actions{};
    if (s.stage != Stage::verify) return {};
    return give_up("it was not healthy in time");
  }

  Actions operator()(const Cancelled& e) const {
    if (s.stage == Stage::stop || s.stage == Stage::over || s.cancelled) return {};
    s.cancelled = true;
    failed(e.why);
    // What was asked is answered first: a stop that overtakes its start would leave the copy running.
    return s.stage == Stage::verify ? give_up(e.why) : Actions{};
  }
};

}  // namespace

std::string_view to_string(Stage stage) noexcept {
  static constexpr std::string_view names[] = {"prepare", "start", "verify", "stop", "over"};
  return names[static_cast<int>(stage)];
}

std::vector<Action> step(State& state, const Event& event, Time now) { return std::visit(Stepper{state, now}, event); }

bool holds(const State& state) noexcept { return state.started && state.stage != Stage::over; }

}  // namespace understudy::drill
