// How a plugin has behaved since the start; one for each plugin, shared by its instances. On the loop.
#pragma once

#include <cstdint>

#include "core/model/time.hpp"

namespace understudy::plugins {

struct Stats {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;  ///< answers other than ok
  std::uint64_t crashes = 0;   ///< of isolated processes, kills past a budget among them
  std::uint64_t restarts = 0;
  Micros time{0};  ///< from call to answer, summed
};

}  // namespace understudy::plugins
