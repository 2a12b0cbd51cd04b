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

/// `instance`: of an order that was understood and is not obeyed.
web::Response refusal(int status, const char* code, const std::string& message, const std::string& hint = {},
                      const std::string& instance = {}) {
  Json error = {{"code", code}, {"message", message}};
  if (!hint.empty()) error["hint"] = hint;
  Json body = {{"error", std::move(error)}, {"message", message}};
  if (!instance.empty()) body["instance"] = instance;
  return answer(status, body);
}

bool allowed(const web::Request& request, const std::string& key) {
  return web::same_secret(request.header("X-API-Key"), key) ||
         web::same_secret(request.header("Authorization"), "Bearer " + key);
}

web::Response told(const Taken& taken, const Supervisor& supervisor) {
  const Facts facts = supervisor.facts();
  const auto refused = [&](int status, const char* code) {
    return refusal(status, code, taken.why, taken.hint, facts.instance);
  };
  switch (taken.verdict) {
    case Taken::Verdict::started: return answer(202, to_json(facts));
    case Taken::Verdict::already: return answer(200, to_json(facts));
    case Taken::Verdict::stale: return refused(409, "stale_epoch");
    case Taken::Verdict::invalid: return refused(400, "invalid");
    case Taken::Verdict::broken: return refused(500, "broken");
    case Taken::Verdict::busy: break;
  }
  auto out = refused(503, "busy");
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
