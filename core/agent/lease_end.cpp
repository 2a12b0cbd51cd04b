#include "core/agent/lease_end.hpp"

#include <algorithm>

namespace understudy::agent {

Millis slack_of(Millis kill_time) noexcept { return std::clamp(kill_time / 10, Millis(50), Millis(500)); }

Time killed_at(Time deadline, Millis kill_time) noexcept { return deadline + kill_time - 2 * slack_of(kill_time); }

LeaseEnd end_of_refused(Time now, std::optional<Time> held_until, bool may_be_over, Millis kill_time) noexcept {
  const Time soon = killed_at(now, kill_time);
  if (!held_until) return {soon, soon};
  const Time granted = killed_at(*held_until, kill_time);
  const Time kill_at = std::min(soon, granted);
  return {kill_at, may_be_over ? kill_at : granted};
}

}  // namespace understudy::agent
