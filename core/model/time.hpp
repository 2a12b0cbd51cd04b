// The two clocks. Pure code never reads either: it takes them as arguments.
#pragma once

#include <chrono>
#include <cstdint>

namespace understudy {

using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;

/// This process's monotonic time. Has no now(): only the runtime and the simulator produce it. Not comparable between
/// processes or boots, so it is never stored.
struct Monotonic {
  using duration = Micros;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Monotonic>;
  static constexpr bool is_steady = true;
};
using Time = Monotonic::time_point;

/// Wall-clock time, milliseconds since 1970 UTC: what is stored and shown, never what decides a wait.
using WallTime = std::chrono::sys_time<Millis>;
/// Of the year 9999: what somebody tells that is later, or before 1970, no clock can have shown.
inline constexpr std::int64_t latest_ms = 253'402'300'799'999;
/// As the journal and the API write it.
[[nodiscard]] constexpr std::int64_t ms(WallTime t) noexcept { return t.time_since_epoch().count(); }

}  // namespace understudy
