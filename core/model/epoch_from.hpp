// Epochs that somebody else tells.
#pragma once

#include <cstdint>
#include <optional>

#include "core/model/ids.hpp"

namespace understudy {

/// Nothing when no service can have come so far: a -1 that was read as unsigned would use up all epochs above the
/// present one, for ever. (2^53: what every JSON reader keeps exactly.)
[[nodiscard]] constexpr std::optional<Epoch> epoch_from(std::uint64_t number) noexcept {
  return number <= std::uint64_t{1} << 53 ? std::optional(Epoch{number}) : std::nullopt;
}

}  // namespace understudy
