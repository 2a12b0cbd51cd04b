#include "core/host/body_files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace understudy::host {

std::optional<UploadFile> UploadFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // or a FIFO would stop the loop
  if (fd < 0) return std::nullopt;
  struct stat about{};
  if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
    ::close(fd);
    errno = EINVAL;
    return std::nullopt;
  }
  UploadFile out;
  out.file_.reset(::fdopen(fd, "rb"));
  out.size_ = about.st_size;
  return out;
}

bool UploadFile::rewind_to(std::int64_t offset) const noexcept { return ::fseeko(file_.get(), offset, SEEK_SET) == 0; }

std::unique_ptr<DownloadFile> DownloadFile::create(const std::string& path) {
  if (struct stat there{}; ::lstat(path.c_str(), &there) == 0) {
    errno = EEXIST;
    return nullptr;
  }
  // Beside it, under a name of its own: whoever kills us leaves no part of a file that looks whole.
  std::string part = path.substr(0, path.rfind('/') + 1) + ".download-XXXXXX";
  const int fd = ::mkostemp(part.data(), O_CLOEXEC);
  if (fd < 0) return nullptr;
  return std::unique_ptr<DownloadFile>(new DownloadFile(fd, path, part));
}

DownloadFile::~DownloadFile() {
  ::close(fd_);
  ::unlink(part_.c_str());  // its other name stays, when it was kept
}

bool DownloadFile::write(std::string_view data) noexcept {
  while (!data.empty()) {
    const auto n = ::write(fd_, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    data.remove_prefix(static_cast<std::size_t>(n));
    bytes_ += n;
  }
  return true;
}

bool DownloadFile::keep() noexcept {
  if (::link(part_.c_str(), path_.c_str()) == 0) return true;
  if (errno == EEXIST) return false;
  // A file system without hard links: then there is no way that never writes over what came in this moment.
  if (struct stat there{}; ::lstat(path_.c_str(), &there) == 0) {
    errno = EEXIST;
    return false;
  }
  return ::rename(part_.c_str(), path_.c_str()) == 0;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  // EVP_DecodeBlock takes padding in the middle, and white space around.
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto end = text.find_first_not_of(alphabet);
  if (end != std::string_view::npos && text.substr(end) != "=" && text.substr(end) != "==") return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  // EVP_DecodeBlock counts the padding as bytes.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(n) - padding);
  return out;
}

std::string encode_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and a zero
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

}  // namespace understudy::host
