#include "sigv4.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <algorithm>
#include <ctime>
#include <stdexcept>

namespace s3_store {
namespace {

std::string hex(const unsigned char* bytes, std::size_t n) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < n; ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

std::string hmac(const std::string& key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), out, &n) == nullptr)
    throw std::runtime_error("libcrypto cannot compute an HMAC");
  return {reinterpret_cast<const char*>(out), n};
}

EVP_MD_CTX* context(void* raw) { return static_cast<EVP_MD_CTX*>(raw); }

/// Without spaces around it, and with one where several were.
std::string trimmed(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string signed_names(const Request& request) {
  std::string out;
  for (const auto& [name, value] : request.headers) out += (out.empty() ? "" : ";") + name;
  return out;
}

std::string canonical(const Request& request) {
  std::string out = request.method + "\n" + uri_encoded(request.path, "/") + "\n" + query_text(request) + "\n";
  for (const auto& [name, value] : request.headers) out += name + ":" + trimmed(value) + "\n";
  return out + "\n" + signed_names(request) + "\n" + request.payload_sha256;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex(context(context_), EVP_sha256(), nullptr) != 1) {
    EVP_MD_CTX_free(context(context_));
    throw std::runtime_error("libcrypto has no SHA-256");
  }
}
Sha256::~Sha256() { EVP_MD_CTX_free(context(context_)); }

void Sha256::add(const void* data, std::size_t size) {
  if (EVP_DigestUpdate(context(context_), data, size) != 1) throw std::runtime_error("libcrypto cannot hash");
}

std::string Sha256::hex() {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  if (EVP_DigestFinal_ex(context(context_), out, &n) != 1) throw std::runtime_error("libcrypto cannot hash");
  return s3_store::hex(out, n);
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.add(text.data(), text.size());
  return hash.hex();
}

std::string uri_encoded(std::string_view text, std::string_view keep) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || keep.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

std::string query_text(const Request& request) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : request.query) encoded.emplace_back(uri_encoded(name), uri_encoded(value));
  std::ranges::sort(encoded);
  std::string out;
  for (const auto& [name, value] : encoded) {
    out += out.empty() ? "" : "&";
    out += name + "=" + value;
  }
  return out;
}

std::string amz_date(std::int64_t wall_ms) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char out[32];
  return {out, std::strftime(out, sizeof out, "%Y%m%dT%H%M%SZ", &utc)};
}

std::string signing_key(const std::string& secret_key, const std::string& day, const std::string& region,
                        const std::string& service) {
  return hmac(hmac(hmac(hmac("AWS4" + secret_key, day), region), service), "aws4_request");
}

void sign(Request& request, const Keys& keys, const std::string& region, const std::string& date) {
  request.headers["x-amz-date"] = date;
  request.headers["x-amz-content-sha256"] = request.payload_sha256;
  if (!keys.session_token.empty()) request.headers["x-amz-security-token"] = keys.session_token;
  const std::string day = date.substr(0, 8);
  const std::string scope = day + "/" + region + "/s3/aws4_request";
  const std::string text = "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + sha256_hex(canonical(request));
  const std::string signature = hmac(signing_key(keys.secret_key, day, region, "s3"), text);
  request.headers["authorization"] =
      "AWS4-HMAC-SHA256 Credential=" + keys.access_key + "/" + scope + ", SignedHeaders=" + signed_names(request) +
      ", Signature=" + hex(reinterpret_cast<const unsigned char*>(signature.data()), signature.size());
}

}  // namespace s3_store
