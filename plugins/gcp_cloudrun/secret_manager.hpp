// Secret versions of the Secret Manager API. [worker threads]
#pragma once

#include <string>
#include <string_view>

#include "client.hpp"

namespace gcp {

/// projects/PROJECT[/locations/LOCATION]/secrets/SECRET/versions/VERSION, taken apart.
struct SecretName {
  std::string project, location, secret, version;

  /// Throws sdk::Failure(invalid) with the form that is wanted.
  [[nodiscard]] static SecretName parse(const std::string& text);
  [[nodiscard]] std::string resource() const;
  /// " --project=P" and, of a regional secret, " --location=L": the end of a gcloud command.
  [[nodiscard]] std::string flags() const;
};

class SecretManager {
 public:
  /// `api` empty: Google's, the one of its location for a regional secret.
  SecretManager(Client& client, std::string api) : client_(client), api_(std::move(api)) {}

  /// The bytes as they were stored, their checksum compared. Throws sdk::Failure with what to do; never with the bytes.
  [[nodiscard]] std::string access(const SecretName& name, const Deadline& deadline);

 private:
  [[nodiscard]] std::string address(const SecretName& name) const;
  [[nodiscard]] Answer ask(const SecretName& name, const Deadline& deadline);

  Client& client_;
  const std::string api_;
};

}  // namespace gcp
