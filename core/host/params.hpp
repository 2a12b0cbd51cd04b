// Numbers of what a plugin asks for, held within what makes sense: nothing that it sends is believed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/host/services.hpp"

namespace understudy::host {

/// The number under `key`, or `fallback`, held between the bounds (least ≥ 0). Throws Json::exception on another type.
[[nodiscard]] inline std::int64_t bounded_number(const sdk::Json& params, const char* key, std::int64_t fallback,
                                                 std::int64_t least, std::int64_t most) {
  const auto it = params.find(key);
  if (it == params.end()) return std::clamp(fallback, least, most);
  if (it->is_number_unsigned())
    return static_cast<std::int64_t>(
        std::clamp(it->get<std::uint64_t>(), static_cast<std::uint64_t>(least), static_cast<std::uint64_t>(most)));
  if (it->is_number_float())
    return static_cast<std::int64_t>(
        std::clamp(it->get<double>(), static_cast<double>(least), static_cast<double>(most)));
  return std::clamp(it->get<std::int64_t>(), least, most);
}

/// `timeout_ms`: within the budget, and never nothing, which some read as "for ever".
[[nodiscard]] inline Millis timeout_within(const sdk::Json& params, Millis budget) {
  return Millis(bounded_number(params, "timeout_ms", budget.count(), 1, budget.count()));
}

/// How much of an answer is kept in our memory for `caller`, who asked for `key` bytes. Who runs in this process is
/// trusted with it.
[[nodiscard]] inline std::size_t kept_bytes(const Caller* caller, const sdk::Json& params, const char* key) {
  constexpr std::int64_t by_default = 1024 * 1024, most_of_isolated = 64 * 1024 * 1024;
  const bool isolated = caller != nullptr && caller->environment;
  const auto most = isolated ? most_of_isolated : std::numeric_limits<std::int64_t>::max() / 2;
  return static_cast<std::size_t>(bounded_number(params, key, by_default, 0, most));
}

}  // namespace understudy::host
