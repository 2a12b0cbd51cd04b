#include "core/alerts/board.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/alerts/routing.hpp"

namespace understudy::alerts {
namespace {

using Json = nlohmann::json;

std::int64_t ms(WallTime t) { return t.time_since_epoch().count(); }
WallTime wall(const Json& in, const char* key) { return WallTime(Millis(in.value(key, std::int64_t{0}))); }

const config::Route* route_of(const config::Config& config, const Alert& alert) {
  const auto it = std::ranges::find_if(config.routes, [&](const config::Route& r) { return matches(r, alert); });
  return it == config.routes.end() ? nullptr : &*it;
}

std::optional<WallTime> repeat_at(const OpenAlert& open, const config::Route& route) {
  if (!open.acknowledged.empty() || route.repeat.count() == 0) return std::nullopt;
  return open.said + route.repeat;
}
std::optional<WallTime> escalate_at(const OpenAlert& open, const config::Route& route) {
  if (!open.acknowledged.empty() || open.escalated || route.escalate_to.empty()) return std::nullopt;
  return open.since + route.escalate_after;
}

}  // namespace

bool Silence::covers(const Alert& alert, WallTime now) const {
  if (now >= until) return false;
  if (!service.empty() && service != alert.service.value) return false;
  if (!target.empty() && target != alert.target.value) return false;
  return kind.empty() || kind_matches({kind}, alert.kind);
}

std::optional<std::string> Board::take(const Alert& alert, WallTime now) {
  auto key = alert.key();
  if (alert.state == AlertState::resolved) return open_.erase(key) > 0 ? std::optional(key) : std::nullopt;
  if (alert.state != AlertState::firing) return std::nullopt;
  const auto [it, opened] = open_.try_emplace(key, OpenAlert{alert, now, now, false, {}});
  // The same thing again, perhaps with another text; who acknowledged it did.
  it->second.alert = alert;
  it->second.said = now;
  return key;
}

std::vector<std::string> Board::acknowledge(const std::string& incident, const ServiceId& service,
                                            const std::string& who) {
  std::vector<std::string> out;
  for (auto& [key, open] : open_) {
    const bool meant =
        incident.empty() ? service.empty() || open.alert.service == service : open.alert.incident == incident;
    if (!meant || !open.acknowledged.empty()) continue;
    open.acknowledged = who;
    out.push_back(key);
  }
  return out;
}

std::vector<Board::Due> Board::due(const config::Config& config, WallTime now) {
  std::vector<Due> out;
  for (auto& [key, open] : open_) {
    const auto* route = route_of(config, open.alert);
    if (route == nullptr) continue;
    if (const auto at = escalate_at(open, *route); at && *at <= now) {
      open.escalated = true;
      out.push_back({key, &open, route->escalate_to, true});
    }
    if (const auto at = repeat_at(open, *route); at && *at <= now) {
      open.said = now;
      out.push_back({key, &open, route->to, false});
    }
  }
  return out;
}

std::optional<WallTime> Board::next_due(const config::Config& config) const {
  std::optional<WallTime> out;
  for (const auto& [key, open] : open_) {
    const auto* route = route_of(config, open.alert);
    if (route == nullptr) continue;
    for (const auto& at : {repeat_at(open, *route), escalate_at(open, *route)}) {
      if (at && (!out || *at < *out)) out = at;
    }
  }
  return out;
}

const OpenAlert* Board::find(const std::string& key) const {
  const auto it = open_.find(key);
  return it == open_.end() ? nullptr : &it->second;
}

Json to_json(const OpenAlert& open) {
  const auto& a = open.alert;
  return {{"kind", a.kind},
          {"severity", to_string(a.severity)},
          {"service", a.service.value},
          {"target", a.target.value},
          {"title", a.title},
          {"text", a.text},
          {"incident", a.incident},
          {"facts", a.facts},
          {"since_ms", ms(open.since)},
          {"said_ms", ms(open.said)},
          {"escalated", open.escalated},
          {"acknowledged", open.acknowledged}};
}

OpenAlert open_from_json(const Json& in) {
  OpenAlert out;
  const auto severity = in.value("severity", "info");
  out.alert.kind = in.value("kind", "");
  out.alert.severity = severity == "critical"  ? Severity::critical
                       : severity == "warning" ? Severity::warning
                                               : Severity::info;
  out.alert.state = AlertState::firing;
  out.alert.service = ServiceId(in.value("service", ""));
  out.alert.target = TargetId(in.value("target", ""));
  out.alert.title = in.value("title", "");
  out.alert.text = in.value("text", "");
  out.alert.incident = in.value("incident", "");
  out.alert.facts = in.value("facts", std::map<std::string, std::string>());
  out.since = wall(in, "since_ms");
  out.said = wall(in, "said_ms");
  out.escalated = in.value("escalated", false);
  out.acknowledged = in.value("acknowledged", "");
  return out;
}

Json to_json(const Silence& s) {
  return {{"id", s.id},   {"service", s.service}, {"target", s.target},     {"kind", s.kind},
          {"who", s.who}, {"reason", s.reason},   {"until_ms", ms(s.until)}};
}

Silence silence_from_json(const Json& in) {
  return {in.value("id", ""),  in.value("service", ""), in.value("target", ""), in.value("kind", ""),
          in.value("who", ""), in.value("reason", ""),  wall(in, "until_ms")};
}

}  // namespace understudy::alerts
