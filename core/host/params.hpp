// Numbers of what a plugin asks for, held within what makes sense: nothing that it sends is believed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "understudy/status.hpp"

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

}  // namespace understudy::host
