// One drill's steps: pure. Beside the failover machine, not in it: nothing here changes who is active, an epoch, a
// lease or where traffic goes.
//
//   prepare -> start -> verify -> stop -> over
//
// What was asked to start is asked to stop, on every way out, and again until that is confirmed: also when the start
// failed, and when its outcome is not known.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/time.hpp"

namespace understudy::drill {

enum class Stage { prepare, start, verify, stop, over };
[[nodiscard]] std::string_view to_string(Stage stage) noexcept;

/// How long things may take.
struct Terms {
  bool needs_state = true;      ///< a snapshot is brought first
  Millis verify_timeout{0};     ///< started -> healthy
  Millis retry_initial{1'000};  ///< of a stop that is not confirmed; doubling
  Millis retry_max{60'000};
  int stuck_after = 3;              ///< stops that were not confirmed until a person is told
  bool ready_once_started = false;  ///< the start is answered when it is healthy; verifying is a stay
};

struct Line {
  Stage stage = Stage::prepare;
  Millis took{0};
  bool ok = false;
  std::string detail;
};

struct State {
  Terms terms;
  Stage stage = Stage::over;
  Time since{};             ///< of the stage
  std::vector<Line> lines;  ///< the stages that are done
  bool started = false;     ///< a start was asked for: a copy may run
  Time start_asked{};
  bool verified = false;
  bool cancelled = false;
  std::string failure;      ///< why it is not verified: the first reason, and where it was left
  Millis ready_in{0};       ///< start asked -> healthy, or until it was given up
  int stops = 0;            ///< not confirmed
  bool stop_waits = false;  ///< for its next try: the timer is that one's
};

struct Begun {};
/// The orchestrator died in a drill: what may still run is stopped.
struct Recovered {};
struct Prepared {
  bool ok = false;
  std::string detail;
};
/// The start is asked for only now: until then its checks were tried without it.
struct Asked {};
struct Started {
  bool ok = false;
  std::string detail;
  std::optional<Millis> ready_in{};  ///< where it is known better than by how long the step took
};
struct Healthy {
  std::string detail;
};
struct Unhealthy {
  std::string detail;
};
struct Stopped {
  bool ok = false;
  std::string detail;
  bool left = false;     ///< given up on purpose: it runs on, as the service itself (after a switchover, when home is
                         ///< not well)
  bool not_yet = false;  ///< it could not be asked now: asked again, and that is no stop that was not confirmed
};
/// The timer that was armed last; in another stage than that in which it was armed it means nothing.
struct Expired {};
struct Cancelled {
  std::string why;
};
using Event = std::variant<Begun, Recovered, Prepared, Asked, Started, Healthy, Unhealthy, Stopped, Expired, Cancelled>;

enum class Act { prepare, start, watch, stop, arm, tell_stuck, finish };
struct Action {
  Act act = Act::finish;
  Millis after{0};  ///< of `arm`: replaces the one before
};

/// Total: an event that means nothing in this stage changes nothing.
[[nodiscard]] std::vector<Action> step(State& state, const Event& event, Time now);

/// A copy may run: whoever needs the place itself waits.
[[nodiscard]] bool holds(const State& state) noexcept;

}  // namespace understudy::drill
