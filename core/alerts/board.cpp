#include "core/alerts/board.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/alerts/routing.hpp"

namespace understudy::alerts {
namespace {

using Json = nlohmann::json;

/// One that no clock can show is long ago.
WallTime wall(const Json& in, const char* key) {
  const auto it = in.find(key);
  const auto number = it != in.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;  // too large: negative
  return WallTime(Millis(number >= 0 && number <= latest_ms ? number : 0));
}

/// Of the routes that the alert reaches, the first of which `wanted` holds.
template <class Wanted>
const config::Route* route_with(const config::Config& config, const Alert& alert, const LocalTime& local,
                                Wanted wanted) {
  for (const auto& route : config.routes) {
    if (!matches(route, alert) || !in_hours(route, local)) continue;
    if (wanted(route)) return &route;
    if (!route.go_on) break;
  }
  return nullptr;
}

struct Plan {
  std::optional<WallTime> repeat, escalate;
  const config::Route *repeats = nullptr, *escalates = nullptr;
};

Plan plan_of(const OpenAlert& open, const config::Config& config, const LocalTime& local) {
  Plan out;
  if (!open.acknowledged.empty() || open.held) return out;
  out.repeats = route_with(config, open.alert, local, [](const auto& r) { return r.repeat.count() > 0; });
  if (out.repeats != nullptr) out.repeat = open.said + out.repeats->repeat;
  if (open.escalated) return out;
  out.escalates = route_with(config, open.alert, local, [](const auto& r) { return !r.escalate_to.empty(); });
  if (out.escalates != nullptr) out.escalate = open.since + out.escalates->escalate_after;
  return out;
}

std::vector<std::string> names(const std::vector<NotifierId>& notifiers) {
  std::vector<std::string> out;
  for (const auto& n : notifiers) out.push_back(n.value);
  return out;
}

/// It was said in what is now the future: nobody is to wait for that.
void clock_was_set_back(OpenAlert& open, WallTime now) {
  if (open.said <= now) return;
  open.said = now;
  open.since = std::min(open.since, now);
  if (open.held) open.held = now;
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
  const auto [it, opened] = open_.try_emplace(key, OpenAlert{alert, now, now, false, {}, {}, {}});
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

std::vector<Board::Due> Board::due(const config::Config& config, WallTime now, const LocalTime& local) {
  std::vector<Due> out;
  for (auto& [key, open] : open_) {
    clock_was_set_back(open, now);
    if (open.held && *open.held <= now) {
      open.held.reset();
      open.said = now;
      out.push_back({key, &open, {}, false, true});
      continue;
    }
    const auto plan = plan_of(open, config, local);
    if (plan.escalate && *plan.escalate <= now) {
      open.escalated = true;
      open.escalated_to = plan.escalates->escalate_to;
      out.push_back({key, &open, plan.escalates->escalate_to, true, false});
    }
    if (plan.repeat && *plan.repeat <= now) {
      open.said = now;
      out.push_back({key, &open, plan.repeats->to, false, false});
    }
  }
  return out;
}

std::optional<WallTime> Board::next_due(const config::Config& config, const LocalTime& local) const {
  std::optional<WallTime> out;
  for (const auto& [key, open] : open_) {
    const auto plan = plan_of(open, config, local);
    for (const auto& at : {open.held, plan.repeat, plan.escalate}) {
      if (at && (!out || *at < *out)) out = at;
    }
  }
  return out;
}

void Board::hold(const std::string& key, std::optional<WallTime> until) {
  if (const auto it = open_.find(key); it != open_.end()) it->second.held = until;
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
          {"about", a.about},
          {"facts", a.facts},
          {"since_ms", ms(open.since)},
          {"said_ms", ms(open.said)},
          {"escalated", open.escalated},
          {"escalated_to", names(open.escalated_to)},
          {"acknowledged", open.acknowledged},
          {"held_ms", open.held ? Json(ms(*open.held)) : Json()}};
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
  out.alert.about = in.value("about", "");
  out.alert.facts = in.value("facts", std::map<std::string, std::string>());
  out.since = wall(in, "since_ms");
  out.said = wall(in, "said_ms");
  out.escalated = in.value("escalated", false);
  for (const auto& name : in.value("escalated_to", std::vector<std::string>())) out.escalated_to.emplace_back(name);
  out.acknowledged = in.value("acknowledged", "");
  if (const auto it = in.find("held_ms"); it != in.end() && it->is_number()) out.held = wall(in, "held_ms");
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
