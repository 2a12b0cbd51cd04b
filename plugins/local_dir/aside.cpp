#include "aside.hpp"

#include <sys/stat.h>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "files.hpp"

namespace local_dir {

namespace fs = std::filesystem;
using namespace understudy::sdk;

namespace {
bool hidden(const fs::directory_entry& entry) { return entry.path().filename().string().front() == '.'; }
}  // namespace

std::string aside_of(const std::string& folder, const std::string& id) { return folder + "/aside/" + id; }

bool is_aside(const std::string& folder, const std::string& id) { return fs::exists(aside_of(folder, id)); }

std::size_t count_aside(const std::string& folder) {
  std::size_t out = 0;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder + "/aside", ec))
    out += entry.is_directory() && !hidden(entry) ? 1 : 0;
  return out;
}

void set_aside(const std::string& folder, const std::string& id, const std::string& staging, bool sync) {
  make_folders(folder + "/aside");
  if (std::rename(staging.c_str(), aside_of(folder, id).c_str()) != 0)
    throw failure("cannot move " + staging + " to " + aside_of(folder, id), errno);
  if (sync) understudy::snapshot::sync_folder(folder + "/aside");
}

void prune_aside(const std::string& folder, std::int64_t now_ms, std::int64_t age_ms, std::int64_t leftover_age_ms,
                 const std::function<void(const std::string&)>& removed) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder + "/aside", ec)) {
    struct stat st{};
    // Of the folder itself: the last file that came into it was its manifest.
    if (::stat(entry.path().c_str(), &st) != 0) continue;
    if (now_ms - static_cast<std::int64_t>(st.st_mtime) * 1000 <= (hidden(entry) ? leftover_age_ms : age_ms)) continue;
    understudy::snapshot::remove_tree(entry.path().string());
    if (!hidden(entry)) removed(entry.path().string());
  }
}

}  // namespace local_dir
