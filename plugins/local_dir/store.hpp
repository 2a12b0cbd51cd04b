// Snapshots in a folder: staged beside, renamed when whole and synced, unchanged files shared by hard links. Blocking:
// it runs on the instance's workers, and keeps nothing between calls. Everything throws sdk::Failure.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "snapshot/manifest.hpp"
#include "understudy/deadline.hpp"
#include "understudy/types.hpp"

namespace local_dir {

using namespace understudy::snapshot;

struct Options {
  std::string dir;
  bool sync = true;              ///< fsync before a snapshot counts
  bool compare_content = false;  ///< false: size and modification time unchanged → the stored file serves again
  std::string must_exist;        ///< a file or folder that proves that the disk is there; empty: none
};

struct Hooks {
  understudy::sdk::Deadline deadline;
  std::function<void()> between;  ///< between blocks: may throw to stop (cancelled, out of time)
  std::function<void(std::int64_t done, std::int64_t total)> progress;  ///< in bytes
  std::function<void(const std::string&)> skipped;
  std::function<void(const std::string&)> aside_removed;  ///< one that had been kept aside
  /// What may take long and what nobody waits for: done when the call has been answered.
  std::function<void(std::function<void()>)> afterwards;
};

/// A snapshot being written begins so.
constexpr const char* incoming = ".incoming-";
/// Where the data of a path lies inside its snapshot.
[[nodiscard]] std::string below(const std::string& name, const std::string& path);

class Store {
 public:
  explicit Store(Options options) : options_(std::move(options)) {}

  [[nodiscard]] understudy::sdk::Snapshot push(const understudy::sdk::PushRequest& request, const Hooks& hooks);
  [[nodiscard]] understudy::sdk::Snapshot pull(const understudy::sdk::PullRequest& request, const Hooks& hooks);
  [[nodiscard]] understudy::sdk::SnapshotList list(const std::string& service, const Hooks& hooks) const;
  [[nodiscard]] understudy::sdk::Snapshot verify(const std::string& service, const std::string& id,
                                                 const Hooks& hooks) const;
  [[nodiscard]] understudy::sdk::PruneReport prune(const understudy::sdk::PruneRequest& request, std::int64_t now_ms,
                                                   const Hooks& hooks);
  /// May run beside a push, also one of this instance: it does not wait for its end.
  [[nodiscard]] understudy::sdk::FenceReport fence(const understudy::sdk::FenceRequest& request, const Hooks& hooks);

 private:
  struct Loaded {
    Manifest manifest;
    std::string folder;
  };
  struct Known {
    std::uint64_t epoch = 0;  ///< the highest of the fence and of all valid snapshots
    std::string newest;       ///< id of the newest valid snapshot, or empty
  };
  [[nodiscard]] std::string home(const std::string& service) const;
  void check_disk() const;
  [[nodiscard]] Loaded load(const std::string& service, const std::string& id) const;
  [[nodiscard]] Known look(const std::string& service, const Hooks& hooks) const;
  /// A whole snapshot in the folder `staging`, on the disk.
  [[nodiscard]] understudy::sdk::Snapshot stage(const understudy::sdk::PushRequest& request, const std::string& staging,
                                                const Loaded* previous, const Hooks& hooks) const;
  /// Makes it the newest, or sets it aside and throws when an epoch above its own is known by now.
  void commit(const understudy::sdk::PushRequest& request, const std::string& staging, std::uint64_t known,
              const Hooks& hooks) const;
  /// The end of a push whose epoch is older than `newest`: whatever happens to its data, it is a conflict.
  [[noreturn]] void keep_aside(const understudy::sdk::PushRequest& request, std::uint64_t newest,
                               const Hooks& hooks) const;
  [[nodiscard]] SavedPath save(const understudy::sdk::StatePath& path, int data, const Loaded* previous,
                               const Hooks& hooks, std::int64_t& bytes) const;
  /// Nothing when the file is gone.
  [[nodiscard]] std::optional<Entry> save_file(int from_folder, const std::string& from, int data,
                                               const std::string& to, Entry entry, const Entry* old, int old_data,
                                               const std::string& old_path, const Hooks& hooks) const;

  Options options_;
};

}  // namespace local_dir
