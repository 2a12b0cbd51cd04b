// The arithmetic of a lease. Who may run a service is a register (epoch, holder, revoked) that only the orchestrator
// changes; a guard beside the workload renews its right to run it, and ends the workload when it cannot. Pure.
//
// Names as in docs/model/: G the lease's length, K the worst time to kill the workload, rho the error of a clock's
// rate. The orchestrator fences by revoking and then waits, counted from the moment at which no renewal can be granted
// any more,
//
//   W >= (G + K) / (1 - rho) * (1 + rho) + margin
//
// A guard's deadline is the time at which it sent its last granted renewal, plus G, and it kills at K after that, so
// every workload of the revoked epoch has ended when W is over: the guard measures both on its own clock, which may run
// slow (/ (1 - rho)), and ours may run fast (* (1 + rho)).
#pragma once

#include <optional>
#include <string>

#include "core/model/ids.hpp"
#include "core/model/time.hpp"

namespace understudy::lease {

/// No orchestrator takes a guard that needs longer to kill its workload: W would be of no use.
inline constexpr Millis longest_kill_time{600'000};

struct Terms {
  Millis ttl{12'000};         ///< G, on the guard's boot-time clock; at least 200 ms
  Millis renew_every{3'000};  ///< between two renewals
  Millis op_timeout{4'000};   ///< a renewal without an answer is given up
  Millis kill_time{5'000};    ///< K: from the order to end until nothing of the workload runs
  double clock_error = 0.01;  ///< rho, 0..0.2
  Millis margin{2'000};       ///< for what is not in the formula: a loop's delay, whole milliseconds

  bool operator==(const Terms&) const = default;
};

/// W: how long after the revocation a holder that cannot be reached has certainly ended. Whole seconds, rounded up
/// (the defaults give 20 s).
[[nodiscard]] Millis wait_of(const Terms& terms) noexcept;

/// Why these terms cannot keep a healthy service running: renew_every + 2 * op_timeout <= ttl must hold, so that one
/// lost renewal costs nothing.
[[nodiscard]] std::optional<std::string> problem_of(const Terms& terms);

}  // namespace understudy::lease
