// Request bodies that are read from a file and response bodies that are written to one: state of any size and any bytes
// passes without going through JSON. Reads and writes are of 64 KiB at most, on the loop; nothing is synced there,
// which would hold it for as long as the disk likes: whoever relies on a file does that where waiting harms nobody.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::host {

/// The bytes of a regular file, from its beginning.
class UploadFile {
 public:
  /// None, and errno, when it cannot be opened or is no regular file.
  [[nodiscard]] static std::optional<UploadFile> open(const std::string& path);
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  [[nodiscard]] std::FILE* stream() const noexcept { return file_.get(); }
  /// For a request that curl begins anew on another connection.
  [[nodiscard]] bool rewind_to(std::int64_t offset) const noexcept;

 private:
  struct Close {
    void operator()(std::FILE* f) const noexcept { std::fclose(f); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  std::int64_t size_ = 0;
};

/// A new file, which gets its name and stays only by keep(). Whole for every process from then on, but not yet on disk.
class DownloadFile {
 public:
  /// Null, and errno, when it exists or cannot be made.
  [[nodiscard]] static std::unique_ptr<DownloadFile> create(const std::string& path);
  DownloadFile(const DownloadFile&) = delete;
  DownloadFile& operator=(const DownloadFile&) = delete;
  ~DownloadFile();

  [[nodiscard]] bool write(std::string_view data) noexcept;  ///< false: errno says why
  [[nodiscard]] bool
  keep() noexcept;  ///< false, and errno: the last bytes could not be written, or the name was taken meanwhile
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }

 private:
  DownloadFile(int fd, std::string path, std::string part) : fd_(fd), path_(std::move(path)), part_(std::move(part)) {}

  int fd_;
  std::string path_, part_;
  std::int64_t bytes_ = 0;
};

/// None when it is no base64 (RFC 4648, padded).
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace understudy::host
