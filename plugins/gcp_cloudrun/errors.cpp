#include "errors.hpp"

#include <algorithm>
#include <cctype>

#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr const char* rpc_names[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
constexpr int rpc_http[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};

bool ends_with_type(const Json& detail, const char* type) { return text_of(detail, "@type").ends_with(type); }

void read_details(const Json& error, ApiError& out) {
  for (const auto& detail : list_of(error, "details")) {
    if (ends_with_type(detail, "google.rpc.RetryInfo")) out.retry_after = duration_of(text_of(detail, "retryDelay"));
    if (!ends_with_type(detail, "google.rpc.ErrorInfo")) continue;
    out.reason = text_of(detail, "reason");
    const Json& metadata = object_of(detail, "metadata");
    out.permission = text_of(metadata, "permission");
    out.service = text_of(metadata, "service");
  }
  if (const Json& errors = list_of(error, "errors"); out.reason.empty() && !errors.empty())
    out.reason = text_of(errors.front(), "reason");
}

bool says(const std::string& text, std::string_view word) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

bool api_is_off(const ApiError& e) {
  return e.reason == "SERVICE_DISABLED" || e.reason == "accessNotConfigured" ||
         says(e.message, "has not been used in project");
}
bool billing_is_off(const ApiError& e) {
  return e.reason == "BILLING_DISABLED" || e.reason == "accountDisabled" || says(e.message, "billing account") ||
         says(e.message, "billing to be enabled");
}

std::string for_project(const About& about) { return about.project.empty() ? "" : " --project " + about.project; }

std::string denied_hint(const ApiError& e, const About& about) {
  if (api_is_off(e)) {
    return "switch the interface on: gcloud services enable " + (e.service.empty() ? about.api : e.service) +
           for_project(about) + ", and wait a minute";
  }
  if (billing_is_off(e)) {
    return "billing is off for the project: link it to an open billing account (gcloud billing projects link" +
           (about.project.empty() ? "" : " " + about.project) + " --billing-account=ID)";
  }
  if (e.permission == "iam.serviceaccounts.actAs" || says(e.message, "iam.serviceaccounts.actas"))
    return "grant " + about.identity + " the role roles/iam.serviceAccountUser on the service's own service account";
  std::string out = "grant " + about.identity + " the role " + about.role;
  if (!e.permission.empty()) out += " (it lacks " + e.permission + ")";
  return out + (about.project.empty() ? "" : " in project " + about.project);
}

Status status_of(const ApiError& e, bool mutation) {
  if (e.throttled()) return Status::transient;
  if (e.outage()) return mutation ? Status::unknown : Status::transient;
  if (e.http == 401 || e.http == 403) return Status::denied;
  if (e.lost_race()) return Status::conflict;
  return Status::invalid;
}

std::string hint_of(const ApiError& e, const About& about) {
  if (e.throttled()) return "Google limits how often this may be asked; wait, or have the quota raised";
  if (e.outage()) return "Google's own trouble: see status.cloud.google.com if it lasts";
  if (e.http == 401) return "the credentials of " + about.identity + " are not accepted: renew them";
  if (e.http == 403) return denied_hint(e, about);
  if (e.http == 404) return "is there " + about.place + "? check the names; whoever may not look gets this answer too";
  if (e.lost_race()) return "somebody else changed it at the same moment";
  if (billing_is_off(e)) return denied_hint(e, about);
  return "check the settings";
}

}  // namespace

bool ApiError::throttled() const {
  return http == 429 || status == "RESOURCE_EXHAUSTED" || reason == "rateLimitExceeded" ||
         reason == "userRateLimitExceeded" || reason == "RATE_LIMIT_EXCEEDED";
}

ApiError api_error(const Answer& answer) {
  ApiError out;
  out.http = answer.status;
  const Json& error = object_of(answer.json, "error");
  out.status = text_of(error, "status");
  out.message = text_of(error, "message");
  read_details(error, out);
  if (out.message.empty() && answer.json.is_discarded() && answer.body.size() < 300 && is_utf8(answer.body) &&
      answer.body.find('<') == std::string::npos)
    out.message = answer.body;
  if (const auto after = text_of(answer.headers, "retry-after"); !out.retry_after && !after.empty())
    out.retry_after = duration_of(after + "s");
  return out;
}

ApiError rpc_error(const Json& status) {
  ApiError out;
  const auto code = number_of(status, "code");
  const bool known = code > 0 && code < static_cast<std::int64_t>(std::size(rpc_names));
  out.http = known ? rpc_http[code] : 500;
  out.status = known ? rpc_names[code] : "UNKNOWN";
  out.message = text_of(status, "message");
  read_details(status, out);
  return out;
}

Error explain(const ApiError& e, const About& about, bool mutation) {
  Error out;
  out.status = status_of(e, mutation);
  out.message = "cannot " + about.what + ": " + (e.message.empty() ? "HTTP " + std::to_string(e.http) : e.message);
  if (!e.message.empty()) out.message += " (" + (e.status.empty() ? "HTTP " + std::to_string(e.http) : e.status) + ")";
  out.hint = hint_of(e, about);
  out.kind = e.throttled() ? "throttled" : e.http == 404 ? "missing" : e.http == 401 ? "unauthenticated" : "";
  out.retry_after = e.retry_after;
  return out;
}

}  // namespace gcp
