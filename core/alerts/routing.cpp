#include "core/alerts/routing.hpp"

#include <algorithm>

namespace understudy::alerts {
namespace {

constexpr std::size_t most_keys = 10'000;
constexpr Millis longest_throttle{86'400'000};

bool one_of(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

/// A clock that was set back ends a throttle: it must not keep people from hearing for as long as that.
bool throttled(const config::Route& route, WallTime last, WallTime now) {
  return now >= last && now - last < route.throttle;
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
  std::erase_if(sent_, [&](const auto& entry) { return now - entry.second.at > longest_throttle; });
  if (sent_.size() >= most_keys) sent_.clear();
}

std::vector<Delivery> Router::route(const config::Config& config, const Alert& alert, WallTime now,
                                    const LocalTime& local) {
  forget_old(now);
  std::vector<Delivery> out;
  Millis wait{0};
  const auto add = [&](const NotifierId& notifier, int suppressed) {
    if (std::ranges::find(out, notifier, &Delivery::notifier) == out.end()) out.push_back({notifier, suppressed, wait});
  };
  bool matched = false;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const auto& r = config.routes[i];
    // A resolve goes to whoever was told, whatever the hour.
    if (!matches(r, alert) || (alert.state != AlertState::resolved && !in_hours(r, local))) continue;
    matched = true;
    wait = r.group_wait;
    for (const auto& notifier : r.to) {
      const std::string key = std::to_string(i) + '|' + notifier.value + '|' + alert.key();
      const auto it = sent_.find(key);
      if (alert.state == AlertState::resolved) {
        // Whoever was told that it fires is told that it ended. Without a memory of it (a restart) it is told too.
        if (it != sent_.end() && !it->second.told) continue;
        add(notifier, it != sent_.end() ? it->second.suppressed : 0);
        if (it != sent_.end()) it->second.told = false;
        continue;
      }
      if (it != sent_.end() && throttled(r, it->second.at, now)) {
        ++it->second.suppressed;
        continue;
      }
      add(notifier, it != sent_.end() ? it->second.suppressed : 0);
      sent_[key] = {now, 0, true};
    }
    if (!r.go_on) break;
  }
  wait = Millis(0);
  if (!matched) {
    for (const auto& n : config.notifiers) add(n.id, 0);
  }
  return out;
}

std::optional<WallTime> Router::held_until(const config::Config& config, const Alert& alert, WallTime now,
                                           const LocalTime& local) const {
  std::optional<WallTime> out;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const auto& r = config.routes[i];
    if (!matches(r, alert) || !in_hours(r, local)) continue;
    for (const auto& notifier : r.to) {
      const auto it = sent_.find(std::to_string(i) + '|' + notifier.value + '|' + alert.key());
      if (it == sent_.end() || it->second.told || !throttled(r, it->second.at, now)) continue;
      const WallTime end = it->second.at + r.throttle;
      if (!out || end < *out) out = end;
    }
    if (!r.go_on) break;
  }
  return out;
}

Millis delivery_backoff(int attempt, std::uint64_t random) noexcept {
  const std::int64_t base = std::min<std::int64_t>(300'000, 2'000LL << std::min(attempt, 10));
  return Millis(base * (750 + static_cast<std::int64_t>(random % 500)) / 1000);
}

}  // namespace understudy::alerts
