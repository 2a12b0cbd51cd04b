// Memory that was needed for a moment goes back to the system, where the C library can do that.
#pragma once

namespace understudy::host {
/// After something large is done: a configuration read, a long answer sent. Milliseconds at most.
void give_back_memory() noexcept;
}  // namespace understudy::host
