// Epochs that somebody else tells.
#pragma once

#include <cstdint>
#include <optional>

#include "core/model/ids.hpp"

namespace understudy {

/// Nothing when no service can have come so far: a -1 that was read as unsigned would use up all epochs above the
/// present one, for ever. What every JSON reader keeps exactly ends at 2^53; half of that is left for what comes after.
inline constexpr std::uint64_t most_told = std::uint64_t{1} << 52;
[[nodiscard]] constexpr std::optional<Epoch> epoch_from(std::uint64_t number, std::uint64_t most = most_told) noexcept {
  return number <= most ? std::optional(Epoch{number}) : std::nullopt;
}

}  // namespace understudy
