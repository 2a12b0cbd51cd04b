// AWS Signature Version 4, as S3-compatible storage wants it: pure functions over OpenSSL's libcrypto.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace s3_store {

struct Keys {
  std::string access_key, secret_key, session_token;  ///< the token is of temporary keys; usually empty
};

struct Request {
  std::string method = "GET";
  std::string path = "/";  ///< not encoded
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string> headers;  ///< lower-case names; all of them are signed; "host" must be there
  std::string payload_sha256;                  ///< of the body, hex
};

/// Hashes what comes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(const void* data, std::size_t size);
  [[nodiscard]] std::string hex();  ///< ends it

 private:
  void* context_;
};

[[nodiscard]] std::string sha256_hex(std::string_view text);

/// RFC 3986: everything but letters, digits and "-._~" becomes %XX; `keep` stays too.
[[nodiscard]] std::string uri_encoded(std::string_view text, std::string_view keep = {});
/// "a=1&b=" in the order that is signed.
[[nodiscard]] std::string query_text(const Request& request);

/// 20130524T000000Z
[[nodiscard]] std::string amz_date(std::int64_t wall_ms);

[[nodiscard]] std::string signing_key(const std::string& secret_key, const std::string& day, const std::string& region,
                                      const std::string& service);

/// Adds x-amz-date, x-amz-content-sha256, the session token and `authorization` to the headers.
void sign(Request& request, const Keys& keys, const std::string& region, const std::string& date);

}  // namespace s3_store
