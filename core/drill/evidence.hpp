// What the checks of a copy prove, given what they said before it ran. Pure.
#pragma once

#include "core/detect/round.hpp"

namespace understudy::drill {

/// What passed while no copy ran looks at something else.
struct Before {
  bool passed = false;         ///< all of it: the checks prove nothing
  bool passed_weakly = false;  ///< after an earlier check had failed without a verdict: that pass proves nothing
};
[[nodiscard]] Before before_the_copy(const detect::RoundResult& result);

/// Whether the copy is well. `had_its_time`: its start_grace is over; until then a pass after an earlier check that
/// failed may be of a copy that is still starting.
[[nodiscard]] bool is_well(const detect::RoundResult& result, const Before& before, bool degraded_is_up,
                           bool had_its_time);

}  // namespace understudy::drill
