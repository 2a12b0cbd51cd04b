// Events that wait while nothing can be stored. Pure; the runtime and the simulator queue by it.
#pragma once

#include <deque>

#include "core/failover/events.hpp"

namespace understudy::failover {

/// Who asked hears at once that nothing can be stored: carried out when the disk has room again, hours later, it would
/// be a surprise; and a guard asks anew every few seconds.
[[nodiscard]] bool somebody_waits(const Event& event);

/// What `event` tells of a target takes the place of what an older one told of it, the one that could not be stored
/// included, and is heard before any timer and any plan: an outage that is over must not move the service once the disk
/// has room. False: it tells nothing of the kind, or nothing waits that it would have to overtake.
[[nodiscard]] bool overtake(std::deque<Event>& waiting, const Event& event);

}  // namespace understudy::failover
