#include "core/journal/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

namespace understudy::journal {

std::optional<LockFile> LockFile::take(const std::filesystem::path& path, const std::string& owner,
                                       std::string& holder) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return std::nullopt;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char text[256] = {};
    if (::read(fd, text, sizeof text - 1) > 0) holder = text;
    ::close(fd);
    return std::nullopt;
  }
  const std::string line = "pid " + std::to_string(::getpid()) + " (" + owner + ")";
  (void)!::ftruncate(fd, 0);
  (void)!::write(fd, line.data(), line.size());
  return LockFile(fd);
}

LockFile::LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace understudy::journal
