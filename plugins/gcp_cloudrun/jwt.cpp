#include "jwt.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <memory>

#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// A key with a passphrase is refused instead of asking for it on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Key read_key(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      BIO_free);
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr, EVP_PKEY_free);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    throw Failure(Status::denied, "the private key in the credentials file is no RSA key in PEM form",
                  "make a new key: gcloud iam service-accounts keys create FILE --iam-account=EMAIL");
  }
  return key;
}

std::string rs256(const std::string& text, EVP_PKEY* key) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  std::string out;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) == 1) {
    out.resize(size);
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, data, text.size()) == 1) {
      out.resize(size);
      return out;
    }
  }
  throw Failure(Status::denied, "the private key in the credentials file cannot sign");
}

}  // namespace

std::string signed_jwt(const Json& claims, const std::string& key_id, const std::string& private_key) {
  const Key key = read_key(private_key);
  Json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  if (!key_id.empty()) header["kid"] = key_id;
  const std::string signed_part = base64url(header.dump()) + "." + base64url(claims.dump());
  return signed_part + "." + base64url(rs256(signed_part, key.get()));
}

Json claims_of(const std::string& jwt) {
  const auto first = jwt.find('.');
  const auto second = first == std::string::npos ? first : jwt.find('.', first + 1);
  if (second == std::string::npos) return Json::object();
  const auto raw = from_base64url(std::string_view(jwt).substr(first + 1, second - first - 1));
  const Json claims = raw ? parse_json(*raw) : Json();
  return claims.is_object() ? claims : Json::object();
}

}  // namespace gcp
