// Google's error replies, read and told to the person who must act. Pure.
// Form: {"error": {"code", "message", "status", "details": [ErrorInfo, RetryInfo ...], "errors": [{"reason"}]}}.
#pragma once

#include <optional>
#include <string>

#include "understudy/status.hpp"
#include "wire.hpp"

namespace gcp {

struct ApiError {
  int http = 0;
  std::string status;      ///< PERMISSION_DENIED ...; Cloud Storage leaves it out
  std::string message;     ///< Google's own sentence
  std::string reason;      ///< of ErrorInfo or of errors[0]: SERVICE_DISABLED, rateLimitExceeded ...
  std::string permission;  ///< that was missing, when it is named
  std::string service;     ///< that is meant: run.googleapis.com
  std::optional<understudy::sdk::Millis> retry_after;

  /// Asked too often: the same later is right.
  [[nodiscard]] bool throttled() const;
  /// Google's own trouble.
  [[nodiscard]] bool outage() const { return http == 408 || http >= 500; }
  /// A condition on the version (etag, generation) did not hold.
  [[nodiscard]] bool lost_race() const { return http == 412 || http == 409 || status == "ABORTED"; }
};

/// Of a reply that is no 2xx.
[[nodiscard]] ApiError api_error(const Answer& answer);
/// Of an operation that ended with a google.rpc.Status.
[[nodiscard]] ApiError rpc_error(const understudy::sdk::Json& status);

/// What was asked, for sentences and for the advice.
struct About {
  std::string what;      ///< "change the Cloud Run service svc"
  std::string project;   ///< empty when not known
  std::string place;     ///< "svc in europe-west1 of project demo" or "the bucket b": what may not exist
  std::string role;      ///< that allows it: "roles/run.developer"
  std::string identity;  ///< who asked
  std::string api = "run.googleapis.com";  ///< that is switched on in the project, for advice
};

/// `mutation`: the request may have had an effect when Google fails in the middle of it, so 5xx is `unknown`.
[[nodiscard]] understudy::sdk::Error explain(const ApiError& error, const About& about, bool mutation);

}  // namespace gcp
