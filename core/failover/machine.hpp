// The state machine of one service: pure. The same function runs in production, in rehearsals and in the simulator.
#pragma once

#include <vector>

#include "core/config/config.hpp"
#include "core/failover/effects.hpp"
#include "core/failover/events.hpp"
#include "core/failover/state.hpp"

namespace understudy::failover {

/// What does not change from step to step. Borrowed for the call.
struct Context {
  const config::Service& service;
  bool act = true;  ///< false: mode = "observe": decide and tell, touch nothing
};

struct Step {
  State state;
  std::vector<Record> records;  ///< durable, with `state`, before the first effect
  std::vector<Effect> effects;
  bool store = false;  ///< `state` changed in a way that must survive a crash (true when there are records)
};

/// W, when waiting it out proves that nothing of the service runs at `target` any more.
[[nodiscard]] std::optional<Millis> lease_wait(const config::Service& service, const State& state,
                                               const TargetId& target);

/// One event. Total: every event is legal in every state; one that means nothing there changes nothing.
[[nodiscard]] Step step(const Context& context, State state, const Event& event, const Now& now);

}  // namespace understudy::failover
