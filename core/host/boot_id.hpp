// What tells one boot of this host from the one before it, and from another host's.
#pragma once

#include <string>

#include "core/model/time.hpp"

namespace understudy::host {

/// The kernel's own name for this boot. Empty where there is none, or where it is hidden (some containers' sandboxes).
/// [any thread]
[[nodiscard]] std::string boot_id();

/// Never empty: boot_id(), else the time of the boot. The same for as long as the host runs; after a boot it is
/// another. Where it is the time, it is also another once the clock has been set. [any thread]
[[nodiscard]] std::string boot_mark();

/// The mark of a host that has no boot_id(): when it booted, to the second. `now` and `since_boot` are of the same
/// moment. Pure.
[[nodiscard]] std::string boot_mark(WallTime now, Time since_boot);

}  // namespace understudy::host
