#include "core/agent/lease_answer.hpp"

#include <nlohmann/json.hpp>

#include "understudy/json.hpp"

namespace understudy::agent {
namespace {

using Json = nlohmann::json;
constexpr std::int64_t least_ttl_ms = 200, longest_ttl_ms = 86'400'000;

LeaseAnswer failed(const std::string& why) { return {LeaseAnswer::Kind::failed, {}, false, 0, why}; }

std::string text_at(const Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

LeaseAnswer granted(const Json& body, Epoch epoch) {
  const bool fits = body.is_object() && body.contains("ttl_ms") && body["ttl_ms"].is_number_integer() &&
                    body.contains("epoch") && body["epoch"].is_number_unsigned();
  if (!fits) return failed("the answer is no lease: is this the orchestrator?");
  const auto ttl = body["ttl_ms"].get<std::int64_t>();
  if (ttl < least_ttl_ms || ttl > longest_ttl_ms) return failed("the lease has an impossible length");
  if (body["epoch"].get<std::uint64_t>() != epoch.value) return failed("the lease is of another epoch");
  return {LeaseAnswer::Kind::granted, Millis(ttl), false, 0, {}};
}

LeaseAnswer refused(const Json& body) {
  const Json error = body.is_object() ? body.value("error", Json()) : Json();
  const auto code = text_at(error, "code"), message = text_at(error, "message");
  if (code != "revoked" && code != "stale" && code != "stranger")
    return failed("HTTP 409 that says nothing of the lease: " + (message.empty() ? code : message));
  return {LeaseAnswer::Kind::refused, {}, code != "revoked", 0, code + (message.empty() ? "" : ": " + message)};
}

LeaseAnswer read(std::int64_t status, const Json& body, Epoch epoch) {
  if (status == 200) return granted(body, epoch);
  if (status == 409) return refused(body);
  const auto said = text_at(body.is_object() ? body.value("error", Json()) : Json(), "message");
  const std::string more = said.empty() ? "" : ": " + said;
  const std::string http = "HTTP " + std::to_string(status);
  if (status == 401 || status == 403)
    return failed(http + more + "; is the key of [agent.lease] the one in the orchestrator's file?");
  if (status == 404)
    return failed(http + more +
                  "; does the orchestrator's file have this service and target, with its lease switched on?");
  return failed(http + more);
}

}  // namespace

LeaseAnswer read_lease_answer(const sdk::Result& result, Epoch epoch) {
  if (!result.ok() && result.error.kind == "timeout") return failed(no_answer_in_time);
  if (!result.ok()) return failed(result.error.message + (result.error.hint.empty() ? "" : "; " + result.error.hint));
  const auto status = result.value.value("status", std::int64_t{0});
  auto out = read(status, sdk::parse_json(result.value.value("body", "")), epoch);
  out.http = status;
  return out;
}

}  // namespace understudy::agent
