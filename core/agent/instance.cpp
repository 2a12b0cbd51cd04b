#include "core/agent/instance.hpp"

#include <algorithm>
#include <fstream>
#include <optional>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "core/agent/durable_file.hpp"

namespace understudy::agent {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t id_bytes = 12, boot_bytes = 6;

std::string hex(const unsigned char* bytes, std::size_t count) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

std::optional<std::string> read_id(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  const bool good = line.size() == 2 * id_bytes && line.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? std::optional(line) : std::nullopt;
}

/// Hashed together with the id: /health is open to everybody, and a host's boot id is not for everybody.
std::string named(const std::string& id, std::string_view boot) {
  const std::string text = id + "\n" + std::string(boot);
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return id + "-" + hex(digest, boot_bytes);
}

}  // namespace

std::variant<std::string, NoInstance> instance_of(const fs::path& file, std::string_view boot) {
  if (const auto id = read_id(file)) return named(*id, boot);
  unsigned char random[id_bytes] = {};
  if (RAND_bytes(random, sizeof random) != 1) return NoInstance{"the system gives no random numbers"};
  const auto id = hex(random, sizeof random);
  if (auto problem = write_durably(file, id + "\n")) return NoInstance{std::move(*problem)};
  return named(id, boot);
}

}  // namespace understudy::agent
