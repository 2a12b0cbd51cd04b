// The local side: walking a state path, copying a file while it is hashed, and putting a tree in place. Throws Failure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "manifest.hpp"

namespace s3_store {

/// A folder of our own that goes with this object.
class TemporaryFolder {
 public:
  TemporaryFolder(const std::string& parent, const std::string& prefix);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The path and all below it, folders first, sorted; follows no link but the path itself. Sizes and hashes come later.
/// `skipped` hears of sockets, pipes and devices.
[[nodiscard]] std::vector<Entry> walk(const std::string& path, const std::function<void(const std::string&)>& skipped);

/// Copies a file that may be in use: what is written to `to` has the hash and the size that `entry` gets. False when it
/// is gone. `between` is asked from time to time and may throw.
[[nodiscard]] bool copy_and_hash(const std::string& from, const std::string& to, Entry& entry,
                                 const std::function<void()>& between);
[[nodiscard]] std::string hash_of(const std::string& file, const std::function<void()>& between);

/// Makes the folders and links of a path, and gives folders their modes in the end.
void make_folders(const std::string& root, const SavedPath& path);
void finish_tree(const std::string& root, const SavedPath& path);
/// A verified file to its place, with its mode and time.
void put_in_place(const std::string& file, const std::string& to, const Entry& entry);
void remove_tree(const std::string& path);

/// Where an entry of a state path lies below a folder.
[[nodiscard]] inline std::string below(const std::string& folder, const std::string& path) {
  return path.empty() ? folder : folder + "/" + path;
}

}  // namespace s3_store
