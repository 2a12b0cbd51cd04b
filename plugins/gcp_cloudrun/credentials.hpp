// Credentials of one Google account, and what each kind must do for a token. For worker threads: it waits.
//
// Kinds, as in the "type" of the credentials file: service_account (RFC 7523), authorized_user (refresh token),
// external_account (workload identity federation: STS, RFC 8693), impersonated_service_account, and the metadata
// server of a machine inside Google Cloud, which has no file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "understudy/deadline.hpp"
#include "understudy/host.hpp"

namespace gcp {

using understudy::sdk::Deadline;

struct Token {
  std::string value;
  std::int64_t expires_ms = 0;  ///< wall clock, milliseconds since 1970
};

struct CredentialSettings {
  std::string file;         ///< empty: application default credentials
  std::string impersonate;  ///< e-mail of a service account to act as; empty: none
  std::string oauth_api = "https://oauth2.googleapis.com";
  std::string iam_api = "https://iamcredentials.googleapis.com";
  std::string metadata_api = "http://169.254.169.254";
};

class Credential {
 public:
  Credential() = default;
  Credential(const Credential&) = delete;
  Credential& operator=(const Credential&) = delete;
  virtual ~Credential() = default;
  /// For Google's interfaces.
  [[nodiscard]] virtual Token access(const Deadline& deadline) = 0;
  /// For a private Cloud Run service.
  [[nodiscard]] virtual Token identity(const std::string& audience, const Deadline& deadline) = 0;
  /// "the service account ops@demo.iam.gserviceaccount.com": for sentences, never secret.
  [[nodiscard]] virtual std::string name() const = 0;
};

/// Reads the file each time, so that a renewed key counts. Throws sdk::Failure(denied) when there is nothing usable.
[[nodiscard]] std::unique_ptr<Credential> load_credential(understudy::sdk::Host& host,
                                                          const CredentialSettings& settings);

}  // namespace gcp
