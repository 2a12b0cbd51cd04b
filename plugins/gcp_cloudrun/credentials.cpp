#include "credentials.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "exchange.hpp"
#include "grants.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  return value != nullptr ? value : "";
}

/// Where application default credentials are looked for; empty: the metadata server.
std::string default_file() {
  if (auto named = variable("GOOGLE_APPLICATION_CREDENTIALS"); !named.empty()) return named;
  const auto config = variable("CLOUDSDK_CONFIG");
  const auto home = variable("HOME");
  if (config.empty() && home.empty()) return {};
  const auto file = (config.empty() ? home + "/.config/gcloud" : config) + "/application_default_credentials.json";
  std::error_code ec;
  return std::filesystem::exists(file, ec) ? file : "";
}

Json read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw Failure(Status::denied, "cannot read the credentials file " + path,
                  "does it exist, and may Understudy's user read it?");
  }
  Json out = Json::parse(in, nullptr, false);
  if (!out.is_object())
    throw Failure(Status::denied, "the credentials file " + path + " is not JSON",
                  "it must be the file as Google gives it");
  return out;
}

std::unique_ptr<Credential> of_file(Host& host, const Json& file, const CredentialSettings& settings) {
  const std::string type = text_of(file, "type");
  if (type == "service_account") return service_account(host, file, settings);
  if (type == "authorized_user") return authorized_user(host, file, settings);
  if (type == "external_account") return external_account(host, file);
  if (type == "impersonated_service_account") {
    return impersonated_by_url(host, of_file(host, object_of(file, "source_credentials"), settings),
                               must_have(file, "service_account_impersonation_url"));
  }
  throw Failure(Status::denied, "the credentials file is of the unknown type \"" + type + "\"",
                "known are service_account, authorized_user, external_account and impersonated_service_account");
}

}  // namespace

std::unique_ptr<Credential> load_credential(Host& host, const CredentialSettings& settings) {
  const std::string path = settings.file.empty() ? default_file() : settings.file;
  auto out = path.empty() ? metadata_server(host, settings) : of_file(host, read_file(path), settings);
  if (settings.impersonate.empty()) return out;
  return impersonated(host, std::move(out), settings.impersonate, settings.iam_api);
}

}  // namespace gcp
