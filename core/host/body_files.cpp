#include "core/host/body_files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
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
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  return std::unique_ptr<DownloadFile>(new DownloadFile(fd, path));
}

DownloadFile::~DownloadFile() {
  ::close(fd_);
  if (!kept_) ::unlink(path_.c_str());
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
  kept_ = ::fsync(fd_) == 0;
  return kept_;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
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
