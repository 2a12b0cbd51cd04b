// Events that wait while nothing can be stored. Pure; the runtime and the simulator queue by it.
#pragma once

#include <deque>

#include "core/failover/events.hpp"

namespace understudy::failover {

/// Who asked hears at once that nothing can be stored: carried out when the disk has room again, hours later, it would
/// be a surprise; and a guard asks anew every few seconds.
[[nodiscard]] bool somebody_waits(const Event& event);

/// Puts `event` in the place of an older one that tells the same of the same target, the one that could not be stored
/// included: an outage that is over must not move the service once the disk has room. False: there is none.
[[nodiscard]] bool replace_older(std::deque<Event>& waiting, const Event& event);

}  // namespace understudy::failover
