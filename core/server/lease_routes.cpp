#include "core/server/lease_routes.hpp"

#include <algorithm>

#include "understudy/json.hpp"

namespace understudy::server {
namespace {

constexpr std::string_view prefix = "/v1/services/", suffix = "/lease";
constexpr std::size_t longest_instance = 64;

/// Names of services need no decoding: letters, digits, '-' and '_' (config/loader).
std::string service_in(std::string_view path) {
  return std::string(path.substr(prefix.size(), path.size() - prefix.size() - suffix.size()));
}

/// Empty: an older agent does not say which it is. Nothing: it is not written as an agent writes it.
std::optional<std::string> instance_in(const sdk::Json& body) {
  const auto given = body.find("instance");
  if (given == body.end()) return std::string();
  if (!given->is_string()) return std::nullopt;
  auto out = given->get<std::string>();
  const bool good = !out.empty() && out.size() <= longest_instance && std::ranges::all_of(out, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
  return good ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<lease::Renewal> renewal_in(const std::string& text) {
  const auto body = sdk::parse_json(text);
  if (!body.is_object() || !body.value("target", sdk::Json()).is_string() ||
      !body.value("epoch", sdk::Json()).is_number_unsigned())
    return std::nullopt;
  const auto kill = body.value("kill_time_ms", sdk::Json(0U));
  const auto over = body.value("holds_over", sdk::Json(false));
  if (!kill.is_number_unsigned() ||
      kill.get<std::uint64_t>() > static_cast<std::uint64_t>(lease::longest_kill_time.count()) || !over.is_boolean())
    return std::nullopt;
  const auto instance = instance_in(body);
  if (!instance) return std::nullopt;
  return lease::Renewal{TargetId(body.at("target").get<std::string>()), Epoch{body.at("epoch").get<std::uint64_t>()},
                        Millis(kill.get<std::int64_t>()), over.get<bool>(), *instance};
}

}  // namespace

bool is_lease(const web::Request& request) {
  const std::string_view path = request.path;
  return path.size() > prefix.size() + suffix.size() && path.starts_with(prefix) && path.ends_with(suffix) &&
         service_in(path).find('/') == std::string::npos;
}

void handle_lease(runtime::Control& control, const web::Request& request, const std::function<void(Response)>& reply) {
  const ServiceId service(service_in(request.path));
  const auto key = control.lease_key(service);
  // The same answer for a wrong key and an unknown service: who has no key learns no names.
  if (!web::same_secret(request.header("X-API-Key"), key.value_or("")) || !key) {
    if (key) control.wrong_lease_key(service);
    return reply(error_response(401, "key", "the key is missing or wrong, or this service keeps no leases",
                                "it is `key` in [service.NAME.lease] and in [agent.lease]"));
  }
  if (request.method != "POST") return reply(error_response(405, "method", request.path + " wants POST"));
  const auto renewal = renewal_in(request.body);
  if (!renewal)
    return reply(error_response(
        400, "bad_request", "the body must be {\"target\", \"epoch\", \"kill_time_ms\", \"holds_over\", \"instance\"}",
        "`instance` is 1 to 64 letters, digits and '-', or absent"));
  control.renew_lease(service, *renewal, to_http(reply));
}

}  // namespace understudy::server
