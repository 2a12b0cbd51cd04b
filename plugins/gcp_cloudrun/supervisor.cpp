#include "supervisor.hpp"

#include <algorithm>

#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr Millis one_answer{15'000};

/// `error` is a sentence, or an object with "code", "message" and "hint".
[[noreturn]] void refused(const char* path, const Answer& answer) {
  const Json& error = object_of(answer.json, "error");
  const std::string code = text_of(error, "code"), hint = text_of(error, "hint");
  std::string said = text_of(answer.json, "message");
  if (said.empty()) said = text_of(error, "message");
  if (said.empty()) said = text_of(answer.json, "error");
  if (said.empty()) said = "HTTP " + std::to_string(answer.status);
  const std::string message = std::string("the supervisor refuses ") + path + ": " + said;
  if (answer.status == 409 || answer.status == 412) throw Failure(Status::conflict, message, hint);
  if (answer.status == 401 || answer.status == 403) {
    throw Failure(Status::denied, message,
                  "is `api_key` the supervisor's? a service that lets in only known callers needs `private = "
                  "true` and roles/run.invoker");
  }
  if (answer.status == 404 || answer.status == 405)
    throw Failure(Status::invalid, message, "is `url` the address of an `understudy agent`?");
  if (answer.status == 429) throw Failure(Status::transient, message, hint);
  // In the supervisor's own words it is a refusal; otherwise it may have come from in front of it or behind it.
  if (answer.status >= 500 && !code.empty())
    throw Failure(Error{Status::transient, message, hint, code == "busy" ? "busy" : "supervisor", {}});
  if (answer.status >= 500) throw Failure(Status::unknown, message, "see the service's log");
  throw Failure(Status::invalid, message, hint);
}

}  // namespace

std::string Supervisor::api_key() {
  if (!options_.api_key.is_object()) return {};
  return host_.blocking("secret.get/1", {{"key", options_.api_key.at("$secret")}}, Millis(10'000))
      .get()
      .at("value")
      .get<std::string>();
}

Answer Supervisor::ask(Ask request, const std::string& base, const Deadline& deadline) {
  const std::string path = request.url;
  request.url = base + path;
  if (const auto key = api_key(); !key.empty()) request.headers["X-API-Key"] = key;
  const std::string audience = options_.audience.empty() ? base : options_.audience;
  for (bool renewed = false;; renewed = true) {
    std::string token;
    if (options_.identity_token) {
      token = tokens_.identity(audience, deadline);
      request.headers["Authorization"] = "Bearer " + token;
    }
    auto answer = send(host_, request, deadline.at_most(one_answer));
    if (answer.status != 401 || token.empty() || renewed) return answer;
    tokens_.distrust(token);
  }
}

Answer Supervisor::get(const std::string& base, const std::string& path, const Deadline& deadline) {
  Ask request;
  request.url = path;
  request.max_body = 64 * 1024;
  return ask(std::move(request), base, deadline);
}

SupervisorHealth Supervisor::health(const std::string& base, const Deadline& deadline) {
  const auto answer = get(base, options_.health_path, deadline);
  if (answer.status == 401 || answer.status == 403 || answer.status == 404)
    refused(options_.health_path.c_str(), answer);
  if (!answer.good() && !answer.json.is_object()) {
    throw Failure(Status::transient, "the supervisor at " + base + " does not answer: Cloud Run says HTTP " +
                                         std::to_string(answer.status));
  }
  return read_health(answer.status, answer.json);
}

std::string Supervisor::post(const std::string& base, const char* path, const Json& body, const Deadline& deadline) {
  Ask request;
  request.method = "POST";
  request.url = path;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body.dump();
  request.fresh = true;
  Answer answer;
  try {
    answer = ask(std::move(request), base, deadline);
  } catch (const Failure& failure) {
    Error error = failure.error();
    if (error.status == Status::transient && !error.kind.empty() && error.kind != "credentials" &&
        error.kind != "token" && !error.never_arrived())
      error.status = Status::unknown;
    error.message = "the supervisor at " + base + " does not answer " + path + ": " + error.message;
    throw Failure(error);
  }
  if (!answer.good()) refused(path, answer);
  return instance_in(answer.json);
}

std::string Supervisor::activate(const std::string& base, const ActivateRequest& request, const Deadline& deadline) {
  Json body = {
      {"snapshot", request.snapshot}, {"epoch", request.epoch}, {"operation", request.operation}, {"force", false}};
  if (options_.store.rfind("gs://", 0) == 0) body["bucket"] = options_.store;
  if (!options_.store.empty()) body["store"] = options_.store;
  return post(base, "/activate", body, deadline);
}

std::string Supervisor::deactivate(const std::string& base, const DeactivateRequest& request,
                                   const Deadline& deadline) {
  return post(base, "/deactivate",
              {{"epoch", request.epoch}, {"operation", request.operation}, {"grace_ms", request.grace.count()}},
              deadline);
}

}  // namespace gcp
