// The kinds of credentials. Each is made of its part of the credentials file and says what is missing in it.
#pragma once

#include <memory>

#include "credentials.hpp"

namespace gcp {

[[nodiscard]] std::unique_ptr<Credential> service_account(understudy::sdk::Host& host,
                                                          const understudy::sdk::Json& file,
                                                          const CredentialSettings& settings);
[[nodiscard]] std::unique_ptr<Credential> authorized_user(understudy::sdk::Host& host,
                                                          const understudy::sdk::Json& file,
                                                          const CredentialSettings& settings);
[[nodiscard]] std::unique_ptr<Credential> external_account(understudy::sdk::Host& host,
                                                           const understudy::sdk::Json& file);
[[nodiscard]] std::unique_ptr<Credential> metadata_server(understudy::sdk::Host& host,
                                                          const CredentialSettings& settings);
/// `source` acts as the service account `email` by `api`/v1/projects/-/serviceAccounts/EMAIL:generate....
[[nodiscard]] std::unique_ptr<Credential> impersonated(understudy::sdk::Host& host, std::unique_ptr<Credential> source,
                                                       const std::string& email, const std::string& api);
/// The same by the address in a credentials file ("…/serviceAccounts/EMAIL:generateAccessToken").
[[nodiscard]] std::unique_ptr<Credential> impersonated_by_url(understudy::sdk::Host& host,
                                                              std::unique_ptr<Credential> source,
                                                              const std::string& url);

}  // namespace gcp
