#include "core/agent/routes.hpp"

#include <nlohmann/json.hpp>

namespace understudy::agent {
namespace {

using Json = nlohmann::json;
using Taken = Supervisor::Taken;

web::Response answer(int status, const Json& body) {
  return {status, body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

web::Response refusal(int status, const char* code, const std::string& message, const std::string& hint = {}) {
  Json error = {{"code", code}, {"message", message}};
  if (!hint.empty()) error["hint"] = hint;
  return answer(status, {{"error", std::move(error)}, {"message", message}});
}

bool allowed(const web::Request& request, const std::string& key) {
  return web::same_secret(request.header("X-API-Key"), key) ||
         web::same_secret(request.header("Authorization"), "Bearer " + key);
}

struct BadBody {
  std::string why;
};

template <class T>
std::optional<T> field(const Json& body, const char* name) {
  const auto it = body.find(name);
  if (it == body.end() || it->is_null()) return std::nullopt;
  const bool fits = std::is_same_v<T, bool>          ? it->is_boolean()
                    : std::is_same_v<T, std::string> ? it->is_string()
                                                     : it->is_number_unsigned();
  if (!fits)
    throw BadBody{std::string("\"") + name + "\" must be " +
                  (std::is_same_v<T, bool>          ? "true or false"
                   : std::is_same_v<T, std::string> ? "a text"
                                                    : "a whole number that is not negative")};
  return it->get<T>();
}

Json body_of(const web::Request& request) {
  if (request.body.find_first_not_of(" \r\n\t") == std::string::npos) return Json::object();
  auto body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) throw BadBody{"the body must be a JSON object"};
  return body;
}

std::optional<Epoch> epoch_in(const Json& body) {
  const auto number = field<std::uint64_t>(body, "epoch");
  return number ? std::optional(Epoch{*number}) : std::nullopt;
}

ActivateOrder activate_order(const Json& body) {
  ActivateOrder out;
  out.epoch = epoch_in(body);
  out.operation = field<std::string>(body, "operation").value_or("");
  if (const auto snapshot = field<std::string>(body, "snapshot")) out.snapshot = SnapshotId(*snapshot);
  out.store = field<std::string>(body, "store").value_or(field<std::string>(body, "bucket").value_or(""));
  out.force = field<bool>(body, "force").value_or(false);
  return out;
}

DeactivateOrder deactivate_order(const Json& body) {
  DeactivateOrder out;
  out.epoch = epoch_in(body);
  out.operation = field<std::string>(body, "operation").value_or("");
  if (const auto grace = field<std::uint64_t>(body, "grace_ms"))
    out.grace = Millis(static_cast<std::int64_t>(std::min<std::uint64_t>(*grace, 86'400'000)));
  out.push = field<bool>(body, "push").value_or(true);
  return out;
}

web::Response told(const Taken& taken, const Supervisor& supervisor) {
  switch (taken.verdict) {
    case Taken::Verdict::started: return answer(202, to_json(supervisor.facts()));
    case Taken::Verdict::already: return answer(200, to_json(supervisor.facts()));
    case Taken::Verdict::stale: return refusal(409, "stale_epoch", taken.why, taken.hint);
    case Taken::Verdict::invalid: return refusal(400, "invalid", taken.why, taken.hint);
    case Taken::Verdict::broken: return refusal(500, "broken", taken.why, taken.hint);
    case Taken::Verdict::busy: break;
  }
  auto out = refusal(503, "busy", taken.why, taken.hint);
  out.headers.emplace_back("Retry-After", "1");
  return out;
}

web::Response ordered(Supervisor& supervisor, const web::Request& request) {
  if (request.method != "POST") return refusal(405, "method", request.path + " wants POST");
  try {
    const auto body = body_of(request);
    if (request.path == "/activate") return told(supervisor.activate(activate_order(body)), supervisor);
    return told(supervisor.deactivate(deactivate_order(body)), supervisor);
  } catch (const BadBody& bad) {
    return refusal(400, "invalid", bad.why);
  }
}

}  // namespace

web::Response handle(Supervisor& supervisor, const web::Request& request, const std::string& key) {
  const auto& path = request.path;
  const bool order = path == "/activate" || path == "/deactivate";
  if ((order || path == "/metrics") && !allowed(request, key))
    return refusal(401, "key", "the key is missing or wrong", "send it as X-API-Key");
  if (order) return ordered(supervisor, request);
  const bool known = path == "/healthz" || path == "/health" || path == "/metrics";
  if (!known)
    return refusal(404, "path", "there is no " + path, "known are /health, /healthz, /metrics, /activate, /deactivate");
  if (request.method != "GET") return refusal(405, "method", path + " wants GET");
  if (path == "/healthz") return answer(200, {{"status", "ok"}});
  const auto facts = supervisor.facts();
  if (path == "/metrics") return {200, to_metrics(facts), "text/plain; version=0.0.4; charset=utf-8"};
  return answer(http_status_of(facts), to_json(facts));
}

}  // namespace understudy::agent
