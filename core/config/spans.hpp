// Spans of time that bound what a file may say.
#pragma once

#include "core/model/time.hpp"

namespace understudy::config {

inline constexpr Millis second{1'000}, day{86'400'000}, year{365LL * 86'400'000};

}  // namespace understudy::config
