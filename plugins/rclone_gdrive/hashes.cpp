#include "hashes.hpp"

namespace rclone_store {
namespace {

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Context begin(const EVP_MD* kind) {
  Context out(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!out || EVP_DigestInit_ex(out.get(), kind, nullptr) != 1) out.reset();
  return out;
}

std::string end(const Context& context) {
  if (!context) return {};
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), raw, &size);
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += digits[raw[i] >> 4];
    out += digits[raw[i] & 15];
  }
  return out;
}

}  // namespace

const std::string& Hashes::by_name(std::string_view name) const {
  static const std::string none;
  if (name == "sha256") return sha256;
  if (name == "sha1") return sha1;
  return name == "md5" ? md5 : none;
}

Hasher::Hasher() : sha256_(begin(EVP_sha256())), sha1_(begin(EVP_sha1())), md5_(begin(EVP_md5())) {}

void Hasher::add(const void* data, std::size_t size) {
  for (const Context* context : {&sha256_, &sha1_, &md5_}) {
    if (*context) EVP_DigestUpdate(context->get(), data, size);
  }
}

Hashes Hasher::result() { return {end(sha256_), end(sha1_), end(md5_)}; }

std::string sha256_of(std::string_view text) {
  const Context context = begin(EVP_sha256());
  EVP_DigestUpdate(context.get(), text.data(), text.size());
  return end(context);
}

}  // namespace rclone_store
