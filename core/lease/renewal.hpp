// What a guard asks of the orchestrator, and the judgement. Pure.
#pragma once

#include <optional>
#include <string>

#include "core/lease/terms.hpp"

namespace understudy::lease {

/// Who may run a service. Changed by the state machine only, and durable before anybody hears of a change.
struct Register {
  Epoch epoch;      ///< the newest that was granted
  TargetId holder;  ///< to whom
  bool revoked = false;
};

/// "I stand at `target` and run, or am about to run, `epoch`."
struct Renewal {
  TargetId target;
  Epoch epoch;
  Millis kill_time{0};      ///< what the guard needs at worst to end its workload
  bool holds_over = false;  ///< it goes on when it cannot renew (store_outage = "hold"): waiting proves nothing of it
  /// Which agent asks: two of one target (a container and its replacement, a clone) are two. 1..64 letters, digits and
  /// '-'; the same for as long as the same host runs, also after the agent started again. Empty: an older agent, which
  /// does not say.
  std::string instance{};
};

struct Judgement {
  enum class Verdict { granted, revoked, stale, stranger, undecided } verdict = Verdict::granted;
  std::string why;  ///< for people, when it is not granted
};

/// `stranger`: the epoch is another target's. `stale`: an epoch that is not the newest. `undecided`: nobody holds the
/// service yet, since it is still being found out where it runs; this says nothing of what the guard holds.
[[nodiscard]] Judgement judge(const Register& reg, const Renewal& renewal);

}  // namespace understudy::lease
