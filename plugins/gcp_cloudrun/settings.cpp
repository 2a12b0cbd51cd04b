#include "settings.hpp"

#include <algorithm>
#include <cctype>

namespace gcp {
namespace {

using namespace understudy::sdk;

std::string base_of(const Json& settings, const char* key, const char* usual) {
  return without_slash(settings.value(key, usual));
}

/// Project, region and service are parts of addresses: a slash in one would lead elsewhere.
std::string plain(const Json& settings, const char* key) {
  const auto out = settings.at(key).get<std::string>();
  const bool fine = !out.empty() && std::ranges::all_of(out, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == ':' || c == '_';
  });
  if (!fine) throw Failure(Status::invalid, std::string("`") + key + "` is \"" + out + "\", which is no such name");
  return out;
}

}  // namespace

std::string without_slash(std::string address) {
  while (!address.empty() && address.back() == '/') address.pop_back();
  return address;
}

CredentialSettings credential_settings(const Json& settings) {
  CredentialSettings out;
  out.file = settings.value("credentials", "");
  out.impersonate = settings.value("impersonate", "");
  out.oauth_api = base_of(settings, "oauth_api", out.oauth_api.c_str());
  out.iam_api = base_of(settings, "iam_api", out.iam_api.c_str());
  out.metadata_api = base_of(settings, "metadata_api", out.metadata_api.c_str());
  return out;
}

ServiceAddress service_address(const Json& settings) {
  return {base_of(settings, "api", "https://run.googleapis.com"), plain(settings, "project"), plain(settings, "region"),
          plain(settings, "service")};
}

Supervisor::Options supervisor_options(const Json& settings) {
  Supervisor::Options out;
  out.api_key = settings.value("api_key", Json());
  out.identity_token = settings.value("private", false);
  out.audience = settings.value("audience", "");
  out.store = settings.value("store", "");
  out.health_path = settings.value("health_path", "/health");
  if (!out.health_path.empty() && out.health_path.front() != '/')
    throw Failure(Status::invalid, "`health_path` must begin with a slash");
  return out;
}

}  // namespace gcp
