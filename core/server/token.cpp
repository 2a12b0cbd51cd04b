#include "core/server/token.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>
#include <cerrno>
#include <fstream>

namespace understudy::server {

std::optional<std::string> load_or_make_token(const std::filesystem::path& file) {
  std::string token;
  if (std::ifstream in(file); in && std::getline(in, token) && token.size() >= 32) return token;
  unsigned char raw[32];
  if (RAND_bytes(raw, sizeof raw) != 1) return std::nullopt;
  static constexpr char hex[] = "0123456789abcdef";
  token.clear();
  for (const unsigned char byte : raw) {
    token += hex[byte >> 4];
    token += hex[byte & 15];
  }
  ::unlink(file.c_str());
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return std::nullopt;
  const std::string line = token + "\n";
  const bool ok = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  ::close(fd);
  return ok ? std::optional(token) : std::nullopt;
}

}  // namespace understudy::server
