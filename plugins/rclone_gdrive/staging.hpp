// What a push saves, put together locally first: each file is read once, whole and unchanged while it was read, into a
// private copy with its hashes. So what is sent cannot change on its way, however busy the service is. [worker]
#pragma once

#include <string>
#include <vector>

#include "job.hpp"
#include "manifest.hpp"

namespace rclone_store {

class Staging {
 public:
  /// Copies go to `folder`. `previous` (may be null): files that have the same hashes there are not copied; the remote
  /// has them.
  Staging(const Job& job, std::string folder, Manifest* previous);

  /// Throws sdk::Failure when a path is missing or keeps changing.
  void take(const understudy::sdk::StatePath& path);
  /// Writes the manifest into the folder: it travels with the files.
  void close();

  [[nodiscard]] Manifest& manifest() { return manifest_; }
  /// All that the snapshot's folder must hold in the end, the manifest too.
  [[nodiscard]] std::vector<FileRef> files();
  [[nodiscard]] const std::string& manifest_sha256() const { return manifest_entry_.hashes.sha256; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// Names of objects that were copied to the folder, and of those that the previous snapshot holds.
  [[nodiscard]] const std::vector<std::string>& copied() const { return copied_; }
  [[nodiscard]] const std::vector<std::string>& unchanged() const { return unchanged_; }

 private:
  /// False when the file is gone: a temporary file of the service.
  [[nodiscard]] bool save(int root, const std::string& file, const std::string& object, Entry& entry);
  [[nodiscard]] bool read(int root, const std::string& file, const std::string& to, Entry& entry) const;

  const Job& job_;
  std::string folder_;
  Manifest manifest_;
  Entry manifest_entry_;
  std::vector<FileRef> previous_;  ///< sorted by object
  std::vector<std::string> copied_, unchanged_;
};

}  // namespace rclone_store
