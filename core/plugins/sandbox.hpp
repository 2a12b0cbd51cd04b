// What a child that runs foreign code is denied. The one place with calls that differ between systems.
#pragma once

namespace understudy::plugins {

/// For the calling process: ends with its parent, gains no privileges, leaves no core file, holds few descriptors
/// (those from `first_closed` on are closed) and a bounded amount of memory.
void confine_self(int first_closed) noexcept;

}  // namespace understudy::plugins
