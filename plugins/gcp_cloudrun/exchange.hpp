// Asking a token endpoint (RFC 6749) and telling its refusals. For worker threads.
#pragma once

#include <string>

#include "text.hpp"
#include "wire.hpp"

namespace gcp {

inline constexpr const char* cloud_scope = "https://www.googleapis.com/auth/cloud-platform";

/// Posts a form and gives the JSON of a 2xx answer; tries again when the endpoint is in trouble.
/// `who` is for sentences. Throws sdk::Failure: denied when it refuses, transient when it does not answer.
[[nodiscard]] understudy::sdk::Json exchange(understudy::sdk::Host& host, const std::string& url, const Form& fields,
                                             const std::string& who, const Deadline& deadline);
/// Sends until there is an answer that is neither 5xx nor 429, or no time; asking for a token may be repeated.
[[nodiscard]] Answer ask_for_token(understudy::sdk::Host& host, const Ask& ask, const Deadline& deadline);

/// A field that must be in a credentials file.
[[nodiscard]] std::string must_have(const understudy::sdk::Json& file, const char* key);

}  // namespace gcp
