#include "core/agent/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace understudy::agent {
namespace {

namespace fs = std::filesystem;

std::string problem(const fs::path& file) { return file.string() + " cannot be written: " + std::strerror(errno); }

}  // namespace

std::optional<std::string> write_durably(const fs::path& file, std::string_view text) {
  const std::string beside = file.string() + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return problem(beside);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  auto said = problem(beside);
  ::close(fd);
  if (!written) return said;
  if (::rename(beside.c_str(), file.c_str()) != 0) return problem(file);
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return std::nullopt;
}

}  // namespace understudy::agent
