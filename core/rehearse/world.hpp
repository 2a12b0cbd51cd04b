// What goes wrong, and when: drawn by a seed, or told by a scenario. The same faults meet every alternative. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "core/rehearse/assumptions.hpp"

namespace understudy::rehearse {

struct Fault {
  enum class What {
    down,           ///< the place does not work; its provider answers
    unreachable,    ///< neither the place nor its provider answers, and nobody can use the service there
    control_plane,  ///< the provider does not answer; the place works
    our_network,    ///< the orchestrator reaches nothing; everything else works
  } what = What::down;
  std::size_t target = 0;      ///< index in Service::targets; of no meaning for our_network
  Time from{}, to{};           ///< from the start of the rehearsal
  bool state_survives = true;  ///< of `down`: what it left can be saved
};

/// By `from`. Each kind of each target has a stream of its own, so that a change of one leaves the others as they were.
[[nodiscard]] std::vector<Fault> invent(const config::Service& service, const Assumptions& a, Micros length,
                                        std::uint64_t seed);

}  // namespace understudy::rehearse
