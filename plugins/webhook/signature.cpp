#include "signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "understudy/status.hpp"

namespace webhook_plugin {

std::string signature(const std::string& secret, std::int64_t unix_seconds, const std::string& body) {
  using namespace understudy::sdk;
  const auto at = std::to_string(unix_seconds);
  const std::string signed_text = at + "." + body;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest, &size) == nullptr)
    throw Failure(Status::invalid, "the request cannot be signed: OpenSSL offers no HMAC-SHA256 here");
  std::string out = "t=" + at + ",v1=";
  static constexpr char hex[] = "0123456789abcdef";
  for (unsigned int i = 0; i < size; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

}  // namespace webhook_plugin
