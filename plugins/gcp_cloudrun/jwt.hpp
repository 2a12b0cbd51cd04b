// A signed JWT (RFC 7515, RS256) for a service account's key. Pure: OpenSSL, no I/O.
#pragma once

#include <string>

#include "understudy/status.hpp"

namespace gcp {

/// `private_key`: PEM, as it stands in the key file. Throws sdk::Failure(denied) when it is no RSA key.
[[nodiscard]] std::string signed_jwt(const understudy::sdk::Json& claims, const std::string& key_id,
                                     const std::string& private_key);
/// The claims of a token whose signature is not checked here; an empty object when it is no JWT.
[[nodiscard]] understudy::sdk::Json claims_of(const std::string& jwt);

}  // namespace gcp
