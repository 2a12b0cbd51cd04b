// By when a workload whose lease ends must be gone. Pure; every time is of the boot clock.
#pragma once

#include <optional>

#include "core/model/time.hpp"

namespace understudy::agent {

/// Of the kill time: the agent kills this much before the watchdog, and that as much before the time is over.
[[nodiscard]] Millis slack_of(Millis kill_time) noexcept;

/// When the agent kills what is left of a workload whose lease ends at `deadline`.
[[nodiscard]] Time killed_at(Time deadline, Millis kill_time) noexcept;

struct LeaseEnd {
  Time kill_at{};  ///< of a workload that is asked to end now
  Time latest{};   ///< of one that was asked to end before: it may have the time that the lease leaves it

  bool operator==(const LeaseEnd&) const = default;
};

/// The lease was refused, and that is read at `now`: later than the lease's own end when everything here was paused.
/// `held_until`: the last deadline that was granted, which no refusal prolongs; none: the workload is held over
/// without one. `may_be_over`: another epoch or another place may run the service already.
[[nodiscard]] LeaseEnd end_of_refused(Time now, std::optional<Time> held_until, bool may_be_over,
                                      Millis kill_time) noexcept;

}  // namespace understudy::agent
