#include "core/host/secrets.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace understudy::host {
namespace {

constexpr std::size_t largest_secret = 64 * 1024;

sdk::Result problem(std::string message, std::string hint) {
  return {{}, {sdk::Status::invalid, std::move(message), std::move(hint), "secret", {}}};
}

sdk::Result from_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return problem("cannot read the secret file " + path + ": " + std::strerror(errno),
                   "check that it exists and that Understudy's user may read it");
  std::string value(largest_secret + 1, '\0');
  in.read(value.data(), static_cast<std::streamsize>(value.size()));
  value.resize(static_cast<std::size_t>(in.gcount()));
  if (value.size() > largest_secret)
    return problem("the secret file " + path + " is larger than 64 KiB", "name the right file");
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  if (value.empty()) return problem("the secret file " + path + " is empty", "write the secret into it");
  return {{{"value", value}}};
}

sdk::Result resolve(const config::SecretRef& ref) {
  switch (ref.kind) {
    case config::SecretRef::Kind::literal: return {{{"value", ref.name}}};
    case config::SecretRef::Kind::file: return from_file(ref.name);
    case config::SecretRef::Kind::env: {
      const char* value = std::getenv(ref.name.c_str());
      if (value == nullptr || *value == '\0')
        return problem("the environment variable " + ref.name + " is not set",
                       "export " + ref.name + " before starting, or name a file instead");
      return {{{"value", value}}};
    }
    case config::SecretRef::Kind::fetched:
      return problem("a secret of " + ref.source + " cannot be used here",
                     "name a file, a variable of the environment or a credential");
    case config::SecretRef::Kind::credential: break;
  }
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr)
    return problem("no systemd credentials here, but the file asks for the credential " + ref.name,
                   "add LoadCredential=" + ref.name + ":PATH to the unit");
  return from_file(std::string(folder) + "/" + ref.name);
}

}  // namespace

sdk::Result read_secret(const config::SecretRef& ref, Logger& log) {
  sdk::Result out = resolve(ref);
  if (out.ok()) log.add_secret(out.value.at("value").get<std::string>());
  return out;
}

}  // namespace understudy::host
