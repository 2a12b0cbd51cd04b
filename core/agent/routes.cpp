#include "core/agent/routes.hpp"

#include <nlohmann/json.hpp>

#include "core/agent/order_bodies.hpp"

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
  const auto refused = [](const BadBody& bad) { return refusal(400, "invalid", bad.why); };
  if (request.path == "/activate") {
    const auto order = read_activate(request.body);
    if (const auto* bad = std::get_if<BadBody>(&order)) return refused(*bad);
    return told(supervisor.activate(std::get<ActivateOrder>(order)), supervisor);
  }
  const auto order = read_deactivate(request.body);
  if (const auto* bad = std::get_if<BadBody>(&order)) return refused(*bad);
  return told(supervisor.deactivate(std::get<DeactivateOrder>(order)), supervisor);
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
