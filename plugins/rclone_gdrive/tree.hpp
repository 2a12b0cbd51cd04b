// Local files: walking and reading folders without ever leaving them (every step is relative to an open folder and
// follows no link), and the folders that we work in. Throws sdk::Failure naming the path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hashes.hpp"

namespace rclone_store {

/// One thing in a tree. `path` is relative, with '/' between; bytes as the file system has them.
struct Entry {
  enum class Type { file, folder, link };
  std::string path;
  Type type = Type::file;
  unsigned mode = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t size = 0;  ///< of a file
  Hashes hashes;          ///< of a file
  std::string link;       ///< where a link points
};

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// Removes its folder when it ends.
class TemporaryFolder {
 public:
  TemporaryFolder(const std::string& parent, const std::string& prefix);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Between = std::function<void()>;

[[nodiscard]] Fd open_folder(const std::string& path);
/// Below an open folder; not ok() with errno when it cannot be opened.
[[nodiscard]] Fd open_below(int root, const std::string& path, int flags, unsigned mode = 0);
/// What an open file or folder is (without path and hashes).
[[nodiscard]] Entry entry_of(int fd);
/// All below `root`, folders before what is in them. `skipped` hears of sockets, pipes and devices.
[[nodiscard]] std::vector<Entry> walk(int root, const std::string& label,
                                      const std::function<void(const std::string&)>& skipped);
/// Reads to the end; copies to `to` unless it is -1.
[[nodiscard]] Hashes read_and_hash(int from, int to, const std::string& name, const Between& between);

[[nodiscard]] std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);
void make_folders(const std::string& path);
void remove_tree(const std::string& path);
/// A folder for us alone (mode 0700, ours), made when it is missing.
void make_private_folder(const std::string& path);

/// Plain relative path: not empty, not absolute, without "..", "." or empty parts.
[[nodiscard]] bool harmless(const std::string& path);
/// One part of such a path.
[[nodiscard]] bool harmless_name(const std::string& name);
/// The error of a failed call on `what`.
[[noreturn]] void throw_errno(const std::string& what, int error);

}  // namespace rclone_store
