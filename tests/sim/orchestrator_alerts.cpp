// Alerts on their way: the pure board, router and rule of retries, and an outbox as core/runtime has it.
#include <algorithm>

#include "core/alerts/delivery.hpp"
#include "core/alerts/routing.hpp"
#include "tests/sim/world.hpp"

namespace understudy::sim {
namespace {
constexpr Micros send_deadline{30'000'000};
constexpr Millis clock_slack{1'000}, longest_wait{600'000};
constexpr alerts::LocalTime noon{720, 2};

OutboxRow row_of(Journal& journal, NotifierId to, const Alert& alert, WallTime not_before) {
  OutboxRow row;
  row.id = journal.next_row++;
  row.notifier = std::move(to);
  row.alert = alert;
  row.not_before = not_before;
  return row;
}

/// What was queued before it of the same incident, for the same notifier, and waits without having been handed over.
const OutboxRow* older(const std::vector<OutboxRow>& outbox, const OutboxRow& row) {
  const auto found = std::ranges::find_if(outbox, [&](const OutboxRow& other) {
    return other.id < row.id && !other.sending && other.notifier == row.notifier && !row.alert.incident.empty() &&
           other.alert.incident == row.alert.incident && !other.handed_over &&
           other.attempt < alerts::attempts_before_hand_over;
  });
  return found == outbox.end() ? nullptr : &*found;
}
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
  for (const auto& d : desk_.router.route(config, routed, at, noon)) queue(d.notifier, alert, at + d.wait);
}

void Orchestrator::queue(const NotifierId& to, const Alert& alert, WallTime not_before) {
  world_.journal.outbox.push_back(row_of(world_.journal, to, alert, not_before));
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
  std::vector<NotifierId> busy;
  for (const auto& row : world_.journal.outbox) {
    if (row.sending) busy.push_back(row.notifier);
  }
  for (const bool tried : {false, true}) send_due(tried, busy);
}

void Orchestrator::send_due(bool tried, std::vector<NotifierId>& busy) {
  const auto at = now().wall;
  for (auto& row : world_.journal.outbox) {
    const bool last = row.attempt >= alerts::attempts_before_hand_over && failing_.contains(row.notifier);
    if (last != tried) continue;
    if (row.sending || row.not_before > at || std::ranges::find(busy, row.notifier) != busy.end()) continue;
    if (waits_for_older(row)) continue;
    busy.push_back(row.notifier);
    send(row);
  }
}

/// An end is not told before its beginning, unless others tell that one.
bool Orchestrator::waits_for_older(OutboxRow& row) {
  const auto* before = older(world_.journal.outbox, row);
  const bool waits = before != nullptr && world_.mutation != Mutation::alerts_overtake;
  if (waits) row.not_before = before->not_before;
  return waits;
}

void Orchestrator::send(OutboxRow& row) {
  row.sending = true;
  ++row.attempt;
  const auto notifier = static_cast<std::size_t>(
      std::ranges::find(world_.setup.config.notifiers, row.notifier, &config::NotifierUse::id) -
      world_.setup.config.notifiers.begin());
  auto once = std::make_shared<bool>(false);
  world_.call<Taken>(
      World::orchestrator_node, World::first_notifier_node + static_cast<int>(notifier), send_deadline,
      [this, notifier, row](const std::function<void(Taken)>& answer) {
        if (world_.notifiers[notifier] != Taken::yes) return answer(world_.notifiers[notifier]);
        world_.invariants.delivered(world_, row);
        answer(Taken::yes);
      },
      [this, id = row.id, once, life = life_](const std::optional<Taken>& got) {
        if (!std::exchange(*once, true)) hears(life, [this, id, taken = got.value_or(Taken::no)] { sent(id, taken); });
      });
}

void Orchestrator::sent(std::uint64_t id, Taken taken) {
  auto& outbox = world_.journal.outbox;
  const auto row = std::ranges::find(outbox, id, &OutboxRow::id);
  if (row == outbox.end()) return;
  row->sending = false;
  if (taken == Taken::yes) {
    failing_.erase(row->notifier);
    const auto first = std::ranges::find(outbox, row->in_place_of.value_or(0), &OutboxRow::id);
    if (first != outbox.end()) first->told_elsewhere = true;
  }
  if (taken != Taken::yes) failing_.insert(row->notifier);
  const bool forgotten = world_.mutation == Mutation::alert_dropped ||
                         (world_.mutation == Mutation::refused_dropped && taken == Taken::never);
  if (taken == Taken::yes || forgotten || !tried_again(id, taken))
    std::erase_if(outbox, [&](const OutboxRow& one) { return one.id == id; });
  later(Millis(1), [this] { send_due(); });
}

/// Whether it is, and when.
bool Orchestrator::tried_again(std::uint64_t id, Taken taken) {
  auto& outbox = world_.journal.outbox;
  const auto row = [&] { return std::ranges::find(outbox, id, &OutboxRow::id); };
  const auto next = alerts::after_failure({.attempt = row()->attempt,
                                           .refused = taken == Taken::never,
                                           .told_elsewhere = row()->told_elsewhere,
                                           .in_anothers_place = row()->in_place_of.has_value(),
                                           .retry_after = {}},
                                          world_.net_dice.bits());
  const bool down = row()->attempt >= alerts::attempts_before_hand_over;
  if (next.hand_over || down) hand_over(id, down);
  row()->not_before = now().wall + next.wait;
  later(next.wait, [this] { send_due(); });
  return !next.give_up;
}

/// It, unless it is told in another's place, and what waits behind it when its notifier is down.
void Orchestrator::hand_over(std::uint64_t id, bool down) {
  const auto& notifiers = world_.setup.config.notifiers;
  auto& outbox = world_.journal.outbox;
  const OutboxRow first = *std::ranges::find(outbox, id, &OutboxRow::id);
  std::vector<OutboxRow> all;
  for (auto& row : outbox) {
    const bool behind = down && row.id > id && row.notifier == first.notifier && !row.alert.incident.empty() &&
                        row.alert.incident == first.alert.incident;
    if ((row.id != id && !behind) || row.in_place_of || notifiers.size() < 2 || std::exchange(row.handed_over, true))
      continue;
    all.push_back(row);
  }
  for (const auto& row : all) {
    for (const auto& n : notifiers) {
      if (n.id == row.notifier) continue;
      queue(n.id, row.alert, now().wall);
      outbox.back().in_place_of = row.id;
    }
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
      for (const auto& d : desk_.router.route(world_.setup.config, alert, at, noon)) queue(d.notifier, alert, at);
    }
    for (const auto& to : due.to) queue(to, alert, at);
  }
}

}  // namespace understudy::sim
