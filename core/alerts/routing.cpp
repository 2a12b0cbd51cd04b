#include "core/alerts/routing.hpp"

#include <algorithm>

namespace understudy::alerts {
namespace {

constexpr std::size_t most_keys = 10'000;
constexpr Millis longest_throttle{86'400'000};

bool one_of(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

/// Of one alert, by the route (its place; the number of routes: to everybody, since none matched) and who was told.
std::string memory(std::size_t route, const NotifierId& notifier, const Alert& alert) {
  return std::to_string(route) + '|' + notifier.value + '|' + alert.key();
}

/// A clock that was set back ends a throttle: it must not keep people from hearing for as long as that.
bool throttled(const config::Route& route, WallTime last, WallTime now) {
  return now >= last && now - last < route.throttle;
}

void add(std::vector<Delivery>& out, const Delivery& delivery) {
  if (std::ranges::find(out, delivery.notifier, &Delivery::notifier) == out.end()) out.push_back(delivery);
}

}  // namespace

bool kind_matches(const std::vector<std::string>& patterns, const std::string& kind) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& p) {
           return !p.empty() && p.back() == '*' ? kind.rfind(p.substr(0, p.size() - 1), 0) == 0 : kind == p;
         });
}

bool in_hours(const config::Route& route, const LocalTime& local) {
  if (!route.days.empty() && std::ranges::find(route.days, local.weekday) == route.days.end()) return false;
  if (!route.hours) return true;
  const auto [from, to] = *route.hours;
  // "22:00-06:00" goes over midnight.
  return from <= to ? local.minute_of_day >= from && local.minute_of_day < to
                    : local.minute_of_day >= from || local.minute_of_day < to;
}

bool matches(const config::Route& route, const Alert& alert) {
  // A resolve of something that is no longer known may have been as grave as any: it passes the severity test.
  const bool resolve = alert.state == AlertState::resolved && alert.severity == Severity::info;
  if (route.at_least && !resolve && alert.severity < *route.at_least) return false;
  if (route.exactly && !resolve && alert.severity != *route.exactly) return false;
  return one_of(route.services, alert.service.value) && one_of(route.targets, alert.target.value) &&
         kind_matches(route.kinds, alert.kind);
}

void Router::forget_old(WallTime now) {
  if (sent_.size() < most_keys) return;
  std::erase_if(sent_,
                [&](const auto& entry) { return now - entry.second.at.value_or(WallTime()) > longest_throttle; });
  if (sent_.size() >= most_keys) sent_.clear();
}

std::vector<Delivery> Router::route(const config::Config& config, const Alert& alert, WallTime now,
                                    const LocalTime& local) {
  forget_old(now);
  return alert.state == AlertState::resolved ? ended(config, alert) : begun(config, alert, now, local);
}

std::vector<Delivery> Router::begun(const config::Config& config, const Alert& alert, WallTime now,
                                    const LocalTime& local) {
  std::vector<Delivery> out;
  bool matched = false;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const auto& r = config.routes[i];
    if (!matches(r, alert) || !in_hours(r, local)) continue;
    matched = true;
    for (const auto& notifier : r.to) {
      auto& sent = sent_[memory(i, notifier, alert)];
      if (sent.at && throttled(r, *sent.at, now)) {
        ++sent.suppressed;
        continue;
      }
      add(out, {notifier, sent.suppressed, r.group_wait});
      sent = {now, 0, true};
    }
    if (!r.go_on) break;
  }
  if (matched) return out;
  for (const auto& n : config.notifiers) {
    add(out, {n.id, 0, Millis(0)});
    sent_[memory(config.routes.size(), n.id, alert)] = {now, 0, true};
  }
  return out;
}

std::vector<Delivery> Router::ended(const config::Config& config, const Alert& alert) {
  std::vector<Delivery> out;
  bool reached = true, matched = false;
  const auto tell = [&](std::size_t route, const NotifierId& notifier, bool meant, Millis wait) {
    const auto it = sent_.find(memory(route, notifier, alert));
    if (it == sent_.end() ? !meant : !it->second.told) return;
    add(out, {notifier, it != sent_.end() ? it->second.suppressed : 0, wait});
    if (it != sent_.end()) it->second.told = false;
  };
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const auto& r = config.routes[i];
    // Without a memory of it (a restart) the end goes where it would now, at whatever hour.
    const bool meant = reached && matches(r, alert);
    matched = matched || meant;
    for (const auto& notifier : r.to) tell(i, notifier, meant, r.group_wait);
    if (meant && !r.go_on) reached = false;
  }
  for (const auto& n : config.notifiers) tell(config.routes.size(), n.id, !matched, Millis(0));
  return out;
}

std::optional<WallTime> Router::held_until(const config::Config& config, const Alert& alert, WallTime now,
                                           const LocalTime& local) const {
  std::optional<WallTime> out;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const auto& r = config.routes[i];
    if (!matches(r, alert) || !in_hours(r, local)) continue;
    for (const auto& notifier : r.to) {
      const auto it = sent_.find(memory(i, notifier, alert));
      if (it == sent_.end() || it->second.told || !it->second.at || !throttled(r, *it->second.at, now)) continue;
      const WallTime end = *it->second.at + r.throttle;
      if (!out || end < *out) out = end;
    }
    if (!r.go_on) break;
  }
  return out;
}

}  // namespace understudy::alerts
