// A lock that one process holds and the kernel releases when it dies.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace understudy::journal {

class LockFile {
 public:
  /// `holder`: what the file says of whoever has it, when it is taken.
  [[nodiscard]] static std::optional<LockFile> take(const std::filesystem::path& path, const std::string& owner,
                                                    std::string& holder);
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&&) = delete;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace understudy::journal
