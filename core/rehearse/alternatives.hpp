// What else the file could say, each rehearsed against the same faults. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/rehearse/rehearse.hpp"

namespace understudy::rehearse {

struct Alternative {
  std::string name;  ///< what is changed, as the file would say it; "as it is" for the file itself
  config::Service service;
  Assumptions assumptions;
  bool alone = false;       ///< the standbys are left out
  std::size_t primary = 0;  ///< then: its index among the targets of the faults
};

/// The file itself first; then each other objective, fall and interval a little more and less, every standby kept warm
/// (where its price for running is known), what the primary could offer and does not (ready checks, a lease), checks of
/// our own network, and no standby at all.
[[nodiscard]] std::vector<Alternative> alternatives(const config::Service& service, const Assumptions& assumptions);
/// Only the file itself.
[[nodiscard]] Alternative as_it_is(const config::Service& service, const Assumptions& assumptions);

[[nodiscard]] Report rehearse(const Alternative& alternative, const std::vector<Fault>& faults, Micros length,
                              std::uint64_t seed);

}  // namespace understudy::rehearse
