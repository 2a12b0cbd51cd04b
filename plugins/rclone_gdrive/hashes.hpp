// The three hashes that remotes know, of bytes that are read once.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>

namespace rclone_store {

/// In lower-case hex. SHA-256 is ours; the other two let a remote prove what it holds without sending it back.
struct Hashes {
  std::string sha256, sha1, md5;
  /// By rclone's name for it; empty when we do not have it.
  [[nodiscard]] const std::string& by_name(std::string_view name) const;
};

class Hasher {
 public:
  Hasher();
  void add(const void* data, std::size_t size);
  [[nodiscard]] Hashes result();

 private:
  using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
  Context sha256_, sha1_, md5_;  ///< md5_ is null where the system forbids MD5
};

[[nodiscard]] std::string sha256_of(std::string_view text);

}  // namespace rclone_store
