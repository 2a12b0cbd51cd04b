// Walking and copying folders without ever leaving them: every step is relative to an open folder and follows no link.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace understudy::snapshot {

/// One thing in a tree. `path` is relative, with '/' between; bytes as the file system has them.
struct Entry {
  enum class Type { file, folder, link };
  std::string path;
  Type type = Type::file;
  unsigned mode = 0;  ///< permission bits
  std::int64_t mtime_ns = 0;
  std::int64_t size = 0;  ///< of a file
  std::string sha256;     ///< of a file, hex
  std::string link;       ///< where a link points
};

/// An owned descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool ok() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

/// Throws sdk::Failure naming the path. All of them follow no link in the last step, and the relative ones in no step.
[[nodiscard]] Fd open_folder(const std::string& path);
[[nodiscard]] Fd open_below(int root, const std::string& path, int flags, unsigned mode = 0);
/// For reading; not ok() when it does not exist any more.
[[nodiscard]] Fd open_if_there(int root, const std::string& path);
void make_folders_below(int root, const std::string& path);

/// Everything below `root`, folders before what is in them, sorted by name. `skipped` hears of sockets, pipes and
/// devices.
[[nodiscard]] std::vector<Entry> walk(int root, const std::string& label,
                                      const std::function<void(const std::string&)>& skipped);

/// Copies the bytes of one open file to another and returns their SHA-256. `stop` is asked between blocks.
[[nodiscard]] std::string copy_and_hash(int from, int to, const std::string& name,
                                        const std::function<void()>& between);
/// Reads it all, hands each block to `block`, and returns the SHA-256.
[[nodiscard]] std::string read_and_hash(int fd, const std::string& name,
                                        const std::function<void(const char*, std::size_t)>& block);
[[nodiscard]] std::string hash_of(int fd, const std::string& name, const std::function<void()>& between);
[[nodiscard]] std::string sha256_hex(const std::string& text);

/// Plain relative path: not empty, not absolute, without "..", "." or empty parts.
[[nodiscard]] bool harmless(const std::string& path);
void remove_tree(const std::string& path);
void sync_folder(const std::string& path);

}  // namespace understudy::snapshot
