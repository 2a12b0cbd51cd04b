#include "core/state/swap.hpp"

#include <algorithm>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace understudy::state {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t replaced_kept = 3;

fs::path beside(const fs::path& place, const std::string& suffix) {
  return place.parent_path() / (place.filename().string() + suffix);
}

/// A rename is on the disk when its folder is.
void sync(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)::fsync(fd);
  ::close(fd);
}

void sync_tree(const fs::path& top) {
  std::error_code ec;
  if (fs::is_regular_file(fs::symlink_status(top))) sync(top);
  for (const auto& entry : fs::recursive_directory_iterator(top, ec)) {
    const auto status = entry.symlink_status(ec);
    if (fs::is_regular_file(status) || fs::is_directory(status)) sync(entry.path());
  }
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
  sync_tree(near);  // not every store has, and the journal is about to say that it is there
  staged = near;
}

void forget_old(const fs::path& place) {
  const std::string prefix = place.filename().string() + ".replaced-";
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::directory_iterator it(place.parent_path(), ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().string().starts_with(prefix)) found.push_back(it->path());
  }
  std::ranges::sort(found);
  for (std::size_t i = 0; i + replaced_kept < found.size(); ++i) fs::remove_all(found[i], ec);
}

struct Swapped {
  fs::path place, aside;  ///< `aside` empty: nothing stood there
};

fs::path set_aside(const fs::path& place, const std::string& mark) {
  if (!fs::exists(fs::symlink_status(place))) return {};
  auto aside = beside(place, ".replaced-" + mark);
  for (int n = 2; fs::exists(fs::symlink_status(aside)); ++n)
    aside = beside(place, ".replaced-" + mark + "." + std::to_string(n));
  fs::rename(place, aside);
  return aside;
}

/// All of the former state stands where it stood. The new one can be brought again.
void undo(const std::vector<Swapped>& done, const std::vector<SwapItem>& near) noexcept {
  std::error_code ec;
  for (auto it = done.rbegin(); it != done.rend(); ++it) {
    fs::remove_all(it->place, ec);
    if (!it->aside.empty()) fs::rename(it->aside, it->place, ec);
  }
  for (const auto& item : near) fs::remove_all(beside(item.place, ".incoming"), ec);
}

std::string advice(const fs::filesystem_error& e) {
  return e.code() == std::errc::device_or_resource_busy
             ? " (a mount point cannot be replaced: name a folder below it in `paths`)"
             : "";
}

}  // namespace

std::optional<std::string> swap_in(const std::vector<SwapItem>& items, const std::string& mark) {
  auto near = items;
  std::vector<Swapped> done;
  try {
    for (auto& item : near) {
      fs::create_directories(item.place.parent_path());
      bring_near(item.staged, item.place);
    }
    for (const auto& item : near) {
      auto aside = set_aside(item.place, mark);
      done.push_back({item.place, std::move(aside)});
      fs::rename(item.staged, item.place);
    }
  } catch (const fs::filesystem_error& e) {
    undo(done, near);
    return std::string("the restored state cannot be put in place: ") + e.what() + advice(e);
  }
  for (const auto& item : near) {
    sync(item.place.parent_path());
    forget_old(item.place);
  }
  return std::nullopt;
}

}  // namespace understudy::state
