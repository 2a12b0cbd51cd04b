// Puts restored state where a target keeps it, so that at every instant either the old or the new state stands there
// whole. What was there is kept beside it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace understudy::state {

struct SwapItem {
  std::filesystem::path staged;  ///< the new state, verified
  std::filesystem::path place;   ///< where it belongs
};

/// The former state becomes PLACE.replaced-MARK; only the newest few of those are kept. Blocking: call it off the loop.
/// What went wrong, or nothing: then the system was asked to write the renames down. On an error the former state
/// stands where it stood, all of it.
[[nodiscard]] std::optional<std::string> swap_in(const std::vector<SwapItem>& items, const std::string& mark);

}  // namespace understudy::state
