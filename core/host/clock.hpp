// The wall clock, for who may read one.
#pragma once

#include <chrono>

#include "core/model/time.hpp"

namespace understudy::host {

[[nodiscard]] inline WallTime wall_now() {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

}  // namespace understudy::host
