// Laws of alerts: nothing is lost, nothing is said in vain.
#include <set>

#include <nlohmann/json.hpp>

#include "core/alerts/board.hpp"
#include "tests/unit/property.hpp"

using namespace understudy;
using namespace understudy::alerts;
using understudy::test::always;
using understudy::test::one_of;

namespace {

const std::vector<NotifierId> people{NotifierId("ann"), NotifierId("bob"), NotifierId("cho")};

std::vector<NotifierId> some_people(sim::Dice& dice) {
  std::vector<NotifierId> out;
  for (const auto& one : people) {
    if (dice.chance(0.5)) out.push_back(one);
  }
  if (out.empty()) out.push_back(one_of(dice, people));
  return out;
}

Severity some_severity(sim::Dice& dice) { return static_cast<Severity>(dice.below(3)); }

config::Config some_config(sim::Dice& dice, int size) {
  config::Config out;
  for (const auto& one : people) out.notifiers.push_back({one, {}});
  for (auto n = dice.between(1, 1 + size / 3); n > 0; --n) {
    config::Route r;
    if (dice.chance(0.3)) r.at_least = some_severity(dice);
    if (dice.chance(0.2)) r.exactly = some_severity(dice);
    if (dice.chance(0.3)) r.services = {"s"};
    if (dice.chance(0.3)) r.kinds = {one_of<std::string>(dice, {"failover.*", "state.old"})};
    if (dice.chance(0.2)) r.hours = {{480, 1080}};
    r.to = some_people(dice);
    r.throttle = std::chrono::minutes(dice.between(0, 10));
    r.repeat = std::chrono::minutes(dice.between(0, 10));
    r.escalate_after = std::chrono::minutes(dice.between(0, 30));
    if (dice.chance(0.5)) r.escalate_to = some_people(dice);
    r.go_on = dice.chance(0.4);
    out.routes.push_back(std::move(r));
  }
  return out;
}

Alert some_alert(sim::Dice& dice) {
  Alert out;
  out.kind = one_of<std::string>(dice, {"failover.started", "state.old", "other"});
  out.service = ServiceId(one_of<std::string>(dice, {"s", "u"}));
  out.severity = some_severity(dice);
  out.state = one_of<AlertState>(dice, {AlertState::event, AlertState::firing, AlertState::resolved});
  return out;
}

LocalTime some_hour(sim::Dice& dice) {
  return {static_cast<int>(dice.between(0, 1439)), static_cast<int>(dice.between(0, 6))};
}

WallTime at(std::int64_t s) { return WallTime(std::chrono::seconds(s)); }

/// The routes that decide, by the words of the documentation.
std::vector<const config::Route*> deciding(const config::Config& config, const Alert& alert, const LocalTime& local) {
  std::vector<const config::Route*> out;
  for (const auto& r : config.routes) {
    if (!matches(r, alert) || (alert.state != AlertState::resolved && !in_hours(r, local))) continue;
    out.push_back(&r);
    if (!r.go_on) break;
  }
  return out;
}

std::set<std::string> names(const std::vector<Delivery>& deliveries) {
  std::set<std::string> out;
  for (const auto& d : deliveries) out.insert(d.notifier.value);
  return out;
}

std::string text(const Alert& alert) {
  return alert.key() + " " + std::string(to_string(alert.severity)) + " " + std::string(to_string(alert.state));
}

/// Firing alerts of as many kinds as asked for, on a board since second 0.
Board some_board(sim::Dice& dice, int size) {
  Board out;
  for (int i = 0; i < size; ++i) {
    auto alert = some_alert(dice);
    alert.state = AlertState::firing;
    alert.target = TargetId(std::to_string(i));
    out.take(alert, at(0));
  }
  return out;
}

}  // namespace

TEST_CASE(
    "without a throttle an alert goes to those of the first route that matches, of more with continue, else to all") {
  always([](sim::Dice& dice, int size) -> std::string {
    auto config = some_config(dice, size);
    for (auto& r : config.routes) r.throttle = Millis(0);
    auto alert = some_alert(dice);
    if (alert.state == AlertState::resolved) alert.state = AlertState::firing;
    const auto local = some_hour(dice);
    std::set<std::string> expected;
    const auto routes = deciding(config, alert, local);
    for (const auto* r : routes) {
      for (const auto& n : r->to) expected.insert(n.value);
    }
    if (routes.empty()) expected = {"ann", "bob", "cho"};
    Router router;
    const auto got = router.route(config, alert, at(0), local);
    return names(got) == expected && got.size() == expected.size() ? "" : text(alert);
  });
}

TEST_CASE("an alert that reaches nobody was said to each of them within the throttle") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice, size);
    Router router;
    std::map<std::string, WallTime> said;  // by notifier and key
    std::int64_t now = 1'000'000;
    for (int i = 0; i < size * 4; ++i) {
      now += dice.between(0, 300);
      const auto alert = some_alert(dice);
      const auto local = some_hour(dice);
      const auto got = router.route(config, alert, at(now), local);
      for (const auto& d : got) {
        if (alert.state != AlertState::resolved) said[d.notifier.value + alert.key()] = at(now);
      }
      if (alert.state == AlertState::resolved) continue;
      const auto routes = deciding(config, alert, local);
      if (routes.empty() && got.size() != people.size()) return text(alert) + " was lost";
      for (const auto* r : routes) {
        for (const auto& n : r->to) {
          const auto it = said.find(n.value + alert.key());
          const bool heard = it != said.end() && (it->second == at(now) || at(now) - it->second < r->throttle);
          if (!heard) return text(alert) + " did not reach " + n.value;
        }
      }
    }
    return "";
  });
}

TEST_CASE("whoever was told that something fires is told that it ended, whatever the throttle and the hour") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice, size);
    Router router;
    auto alert = some_alert(dice);
    std::set<std::string> told;
    std::int64_t now = 1'000'000;
    for (int i = 0; i < size * 4; ++i) {
      now += dice.between(0, 300);
      alert.state = dice.chance(0.4) ? AlertState::resolved : AlertState::firing;
      const auto got = names(router.route(config, alert, at(now), some_hour(dice)));
      if (alert.state == AlertState::firing) {
        told.insert(got.begin(), got.end());
        continue;
      }
      for (const auto& one : told) {
        if (!got.contains(one)) return text(alert) + " was kept from " + one;
      }
      told.clear();
    }
    return "";
  });
}

TEST_CASE("an acknowledged alert is neither said again nor escalated, and its end clears it") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice, size);
    auto board = some_board(dice, size);
    board.acknowledge("", ServiceId("s"), "ann");
    for (std::int64_t now = 0; now < 7'200; now += dice.between(1, 900)) {
      for (const auto& due : board.due(config, at(now), some_hour(dice))) {
        if (due.open->alert.service == ServiceId("s")) return text(due.open->alert);
      }
    }
    for (const auto open = board.open(); const auto& [key, entry] : open) {
      auto end = entry.alert;
      end.state = AlertState::resolved;
      if (board.take(end, at(8'000)) != key || board.find(key) != nullptr) return text(end) + " stays open";
    }
    return board.next_due(config, {}) ? "something is due on an empty board" : "";
  });
}

TEST_CASE("nobody is escalated to twice for one alert, and only by a route that the alert reaches") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice, size);
    auto board = some_board(dice, size);
    std::set<std::string> escalated;
    for (std::int64_t now = 0; now < 7'200; now += dice.between(1, 900)) {
      const auto local = some_hour(dice);
      for (const auto& due : board.due(config, at(now), local)) {
        if (!due.escalation) continue;
        const auto& alert = due.open->alert;
        if (!escalated.insert(due.key).second) return text(alert) + " twice";
        const bool routed = std::ranges::any_of(deciding(config, alert, local), [&](const auto* r) {
          return r->escalate_to == due.to && at(now) >= at(0) + r->escalate_after;
        });
        if (!routed) return text(alert) + " by no route of its own, or too early";
      }
    }
    return "";
  });
}

TEST_CASE("what a silence or the throttle held back is told once when that ends, if it is open still") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice, size);
    auto board = some_board(dice, size);
    std::map<std::string, std::int64_t> held, told;
    for (const auto& [key, open] : board.open()) {
      if (dice.chance(0.5)) held[key] = dice.between(1, 3'600);
    }
    for (const auto& [key, until] : held) board.hold(key, at(until));
    for (std::int64_t now = 0; now < 7'200; now += dice.between(1, 900)) {
      for (const auto& due : board.due(config, at(now), some_hour(dice))) {
        const bool was_held = held.contains(due.key) && !told.contains(due.key);
        if (was_held && now < held[due.key]) return due.key + " was told in its silence";
        if (due.held != was_held) return due.key + " was told as if it had not been held";
        if (due.held) told[due.key] = now;
      }
    }
    return told.size() == held.size() ? "" : "something that was held was never told";
  });
}

TEST_CASE("what is due is said once: the board is never due again at the same moment, and says when it will be") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice, size);
    auto board = some_board(dice, size);
    for (std::int64_t now = 0; now < 7'200; now += dice.between(1, 900)) {
      const auto local = some_hour(dice);
      const auto next = board.next_due(config, local);
      const auto due = board.due(config, at(now), local);
      if (due.empty() == (next && *next <= at(now)))
        return "at " + std::to_string(now) + " next_due() and due() differ";
      if (!board.due(config, at(now), local).empty()) return "twice at " + std::to_string(now);
    }
    return "";
  });
}
