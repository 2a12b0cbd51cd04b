#include "core/state/swap.hpp"

#include <algorithm>

namespace understudy::state {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t replaced_kept = 3;

fs::path beside(const fs::path& place, const std::string& suffix) {
  return place.parent_path() / (place.filename().string() + suffix);
}

/// Moves across file systems by copying to a sibling first, so that the last step is a rename.
void bring_near(fs::path& staged, const fs::path& place) {
  const auto near = beside(place, ".incoming");
  std::error_code ec;
  fs::remove_all(near, ec);
  fs::rename(staged, near, ec);
  if (ec) {
    fs::copy(staged, near, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    fs::remove_all(staged, ec);
  }
  staged = near;
}

void forget_old(const fs::path& place) {
  const std::string prefix = place.filename().string() + ".replaced-";
  std::vector<fs::path> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(place.parent_path(), ec)) {
    if (entry.path().filename().string().rfind(prefix, 0) == 0) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  for (std::size_t i = 0; i + replaced_kept < found.size(); ++i) fs::remove_all(found[i], ec);
}

}  // namespace

std::optional<std::string> swap_in(const std::vector<SwapItem>& items, const std::string& mark) {
  try {
    auto near = items;
    for (auto& item : near) {
      fs::create_directories(item.place.parent_path());
      bring_near(item.staged, item.place);
    }
    for (const auto& item : near) {
      if (fs::exists(fs::symlink_status(item.place))) {
        auto aside = beside(item.place, ".replaced-" + mark);
        for (int n = 2; fs::exists(fs::symlink_status(aside)); ++n)
          aside = beside(item.place, ".replaced-" + mark + "." + std::to_string(n));
        fs::rename(item.place, aside);
      }
      fs::rename(item.staged, item.place);
      forget_old(item.place);
    }
    return std::nullopt;
  } catch (const fs::filesystem_error& e) {
    return std::string("the restored state cannot be put in place: ") + e.what();
  }
}

}  // namespace understudy::state
