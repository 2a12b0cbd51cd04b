// Snapshots in a folder: staged beside, renamed when whole and synced, unchanged files shared by hard links. Blocking:
// it runs on the instance's worker. Everything throws sdk::Failure.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "snapshot/manifest.hpp"
#include "understudy/types.hpp"

namespace local_dir {

using namespace understudy::snapshot;

struct Options {
  std::string dir;
  bool sync = true;              ///< fsync before a snapshot counts
  bool compare_content = false;  ///< false: size and modification time unchanged → the stored file serves again
  std::string must_exist;        ///< a file or folder that proves that the disk is there; empty: none
};

/// Between blocks: may throw to stop (cancelled, out of time). `progress` counts bytes.
struct Hooks {
  std::function<void()> between;
  std::function<void(std::int64_t done, std::int64_t total)> progress;
  std::function<void(const std::string&)> skipped;
};

class Store {
 public:
  explicit Store(Options options) : options_(std::move(options)) {}

  [[nodiscard]] understudy::sdk::Snapshot push(const understudy::sdk::PushRequest& request, const Hooks& hooks);
  [[nodiscard]] understudy::sdk::Snapshot pull(const understudy::sdk::PullRequest& request, const Hooks& hooks);
  [[nodiscard]] understudy::sdk::SnapshotList list(const std::string& service) const;
  [[nodiscard]] understudy::sdk::Snapshot verify(const std::string& service, const std::string& id,
                                                 const Hooks& hooks) const;
  [[nodiscard]] understudy::sdk::PruneReport prune(const understudy::sdk::PruneRequest& request, std::int64_t now_ms);

 private:
  struct Loaded {
    Manifest manifest;
    std::string folder;
  };
  [[nodiscard]] std::string home(const std::string& service) const;
  void check_disk() const;
  [[nodiscard]] Loaded load(const std::string& service, const std::string& id) const;
  [[nodiscard]] SavedPath save(const understudy::sdk::StatePath& path, int data, const Loaded* previous,
                               const Hooks& hooks, std::int64_t& bytes) const;
  /// Nothing when the file is gone.
  [[nodiscard]] std::optional<Entry> save_file(int from_folder, const std::string& from, int data,
                                               const std::string& to, Entry entry, const Entry* old, int old_data,
                                               const std::string& old_path, const Hooks& hooks) const;

  Options options_;
};

}  // namespace local_dir
