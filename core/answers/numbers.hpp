// Numbers in what a plugin answers. Pure.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "understudy/status.hpp"

namespace understudy::answers {

/// A whole number from `least` to `most`: nothing when it is another number, `otherwise` when it is missing. Throws
/// Json::exception when it is none at all, as the JSON library does.
[[nodiscard]] inline std::optional<std::int64_t> whole(const sdk::Json& in, const char* key, std::int64_t otherwise,
                                                       std::int64_t least, std::int64_t most) {
  const auto it = in.find(key);
  if (it == in.end()) return otherwise;
  if (it->is_number_unsigned()) {
    const auto number = it->get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  } else if (!it->is_number_integer()) {
    const auto number = it->get<double>();  // throws; a cast of what does not fit would be undefined
    constexpr double exact = 9'007'199'254'740'992;
    if (!(std::abs(number) <= exact) || number != std::floor(number)) return std::nullopt;
  }
  const auto number = it->get<std::int64_t>();
  return number >= least && number <= most ? std::optional(number) : std::nullopt;
}

/// A finite number that is not negative, as of money or hours; nothing when it is another, 0 when it is missing.
[[nodiscard]] inline std::optional<double> amount(const sdk::Json& in, const char* key) {
  const auto number = in.value(key, 0.0);
  return std::isfinite(number) && number >= 0 ? std::optional(number) : std::nullopt;
}

}  // namespace understudy::answers
