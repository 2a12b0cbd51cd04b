// A host's boot-time clock: it errs by a constant rate, and goes on while the host is suspended. True time is the
// timeline's; nobody in the simulated world can see it.
#pragma once

#include <cmath>

#include "core/model/time.hpp"

namespace understudy::sim {

struct Clock {
  double rate = 1;  ///< of this clock against true time: within 1 - rho .. 1 + rho
  Micros ahead{3'600'000'000};

  [[nodiscard]] Time at(Time truth) const {
    return Time(ahead + Micros(std::llround(static_cast<double>(truth.time_since_epoch().count()) * rate)));
  }
  /// How long `local` of this clock takes. Never early.
  [[nodiscard]] Micros truly(Micros local) const {
    return Micros(static_cast<std::int64_t>(std::ceil(static_cast<double>(local.count()) / rate)));
  }
  /// When this clock shows `local`.
  [[nodiscard]] Time when(Time local) const { return Time(truly(local.time_since_epoch() - ahead)); }
};

/// How long `local` takes on the slowest clock that errs by `clock_error`.
inline Micros on_slowest(Micros local, double clock_error) { return Clock{1 - clock_error}.truly(local); }

}  // namespace understudy::sim
