// Alerts on their way: the pure board and router, and an outbox as core/runtime has it.
#include <algorithm>

#include "core/alerts/routing.hpp"
#include "tests/sim/world.hpp"

namespace understudy::sim {
namespace {
constexpr Micros send_deadline{30'000'000};
constexpr int attempts_before_hand_over = 5;
constexpr Millis clock_slack{1'000}, longest_wait{600'000};
constexpr alerts::LocalTime noon{720, 2};
}  // namespace

/// With the write of the step that tells it, or of its own.
void Orchestrator::queue_alert(const Alert& alert, WallTime at) {
  const auto& config = world_.setup.config;
  Alert routed = alert;
  bool unheard = false;
  if (const auto* open = desk_.board.find(alert.key()); open != nullptr && alert.state == AlertState::resolved) {
    routed.severity = open->alert.severity;
    unheard = open->held.has_value();
  }
  const auto key = desk_.board.take(alert, at);
  if (key && alert.state == AlertState::firing)
    desk_.board.hold(*key, desk_.router.held_until(config, alert, at, noon));
  if (key) keep(*key);
  world_.invariants.alert_stored(world_, alert);
  if (unheard) return;
  for (const auto& d : desk_.router.route(config, routed, at, noon))
    world_.journal.outbox.push_back(
        {world_.journal.next_row++, d.notifier, alert, at + d.wait, 0, false, false, false});
}

void Orchestrator::keep(const std::string& key) {
  if (const auto* open = desk_.board.find(key)) {
    world_.journal.open.insert_or_assign(key, *open);
  } else {
    world_.journal.open.erase(key);
  }
}

void Orchestrator::look_at_clock() {
  const bool set_back = seen_ahead_ && wall_ahead_ < *seen_ahead_ - clock_slack;
  if (set_back || !seen_ahead_) {
    const auto latest = now().wall + (set_back ? Millis(0) : longest_wait);
    for (auto& row : world_.journal.outbox) row.not_before = std::min(row.not_before, latest);
  }
  seen_ahead_ = wall_ahead_;
}

void Orchestrator::send_due() {
  if (world_.journal.full) return;  // an attempt is written down before it is made; remind() comes again
  look_at_clock();
  const auto at = now().wall;
  std::vector<NotifierId> busy;
  for (const auto& row : world_.journal.outbox) {
    if (row.sending) busy.push_back(row.notifier);
  }
  for (auto& row : world_.journal.outbox) {
    if (row.sending || row.not_before > at || std::ranges::find(busy, row.notifier) != busy.end()) continue;
    busy.push_back(row.notifier);
    row.sending = true;
    ++row.attempt;
    const auto notifier = static_cast<std::size_t>(
        std::ranges::find(world_.setup.config.notifiers, row.notifier, &config::NotifierUse::id) -
        world_.setup.config.notifiers.begin());
    auto once = std::make_shared<bool>(false);
    world_.call<bool>(
        World::orchestrator_node, World::first_notifier_node + static_cast<int>(notifier), send_deadline,
        [this, notifier, alert = row.alert](const std::function<void(bool)>& answer) {
          if (world_.notifier_down[notifier]) return answer(false);
          world_.invariants.delivered(world_, alert);
          answer(true);
        },
        [this, id = row.id, once, life = life_](const std::optional<bool>& got) {
          if (!std::exchange(*once, true)) hears(life, [this, id, ok = got.value_or(false)] { sent(id, ok); });
        });
  }
}

void Orchestrator::sent(std::uint64_t id, bool ok) {
  auto& outbox = world_.journal.outbox;
  const auto row = std::ranges::find(outbox, id, &OutboxRow::id);
  if (row == outbox.end()) return;
  row->sending = false;
  if (!ok && row->attempt == attempts_before_hand_over && !row->handed_over) hand_over(OutboxRow(*row));
  const auto again = std::ranges::find(outbox, id, &OutboxRow::id);
  if (ok || world_.mutation == Mutation::alert_dropped) {
    outbox.erase(again);
  } else {
    const auto wait = alerts::delivery_backoff(again->attempt, world_.net_dice.bits());
    again->not_before = now().wall + wait;
    later(wait, [this] { send_due(); });
  }
  later(Millis(1), [this] { send_due(); });
}

void Orchestrator::hand_over(const OutboxRow& row) {
  for (const auto& n : world_.setup.config.notifiers) {
    if (n.id == row.notifier) continue;
    world_.journal.outbox.push_back({world_.journal.next_row++, n.id, row.alert, now().wall, 0, true, false, false});
  }
}

void Orchestrator::remind() {
  later(Millis(60'000), [this] { remind(); });
  send_due();
  if (world_.journal.full) return;
  const auto at = now().wall;
  for (const auto& due : desk_.board.due(world_.setup.config, at, noon)) {
    const Alert alert = due.open->alert;
    keep(due.key);
    if (due.held) {
      for (const auto& d : desk_.router.route(world_.setup.config, alert, at, noon))
        world_.journal.outbox.push_back({world_.journal.next_row++, d.notifier, alert, at, 0, false, false, false});
    }
    for (const auto& to : due.to)
      world_.journal.outbox.push_back({world_.journal.next_row++, to, alert, at, 0, false, false, false});
  }
}

}  // namespace understudy::sim
