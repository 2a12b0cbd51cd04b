// Lets a service live through years of faults on virtual time: the real state machine, detection and policy, and a
// world that answers them. What production does in core/runtime with timers and plugins, core/rehearse does with a
// clock that jumps. Pure: the same service, assumptions, faults and seed give the same report, to the bit.
#pragma once

#include <cstdint>
#include <vector>

#include "core/rehearse/report.hpp"
#include "core/rehearse/world.hpp"

namespace understudy::rehearse {

/// `faults` by `from`. Everything is borrowed for the call. At the start the primary runs, all is well, and a snapshot
/// has just been saved.
[[nodiscard]] Report rehearse(const config::Service& service, const Assumptions& assumptions,
                              const std::vector<Fault>& faults, Micros length, std::uint64_t seed);

}  // namespace understudy::rehearse
