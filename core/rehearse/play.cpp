#include "core/rehearse/play.hpp"

#include <algorithm>
#include <utility>

namespace understudy::rehearse {
namespace {

using failover::Phase;
constexpr std::size_t history_used = 50;  // as core/runtime reads of the journal

/// Only a new timer, or nothing: no observation can tell anything else than before.
bool quiet(const failover::Step& step) {
  return step.records.empty() && std::ranges::all_of(step.effects, [](const failover::Effect& e) {
           return std::holds_alternative<failover::Arm>(e);
         });
}

/// A stream of its own for each name (FNV-1a), so that a target that is not there changes nobody else's luck.
sim::Dice stream(std::uint64_t seed, const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ seed;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return sim::Dice(hash).split();
}

}  // namespace

Play::Play(const config::Service& service, const Assumptions& assumptions, const std::vector<Fault>& faults,
           std::uint64_t seed)
    : service_(service),
      assumptions_(assumptions),
      faults_(faults),
      books_(service, assumptions),
      outages_(assumptions.past_outages) {
  if (outages_.size() > history_used) outages_.resize(history_used);
  if (service.state) newest_.id = SnapshotId("at-0");
  state_.random = stream(seed, "machine").bits();
  places_.reserve(service.targets.size());
  for (std::size_t i = 0; i < service.targets.size(); ++i) {
    auto& p = places_.emplace_back(
        Place{&service.targets[i], &assumptions.targets[i], stream(seed, service.targets[i].id.value)});
    p.history = assumptions.targets[i].history;
    p.runs = p.target->id == service.primary;
  }
  for (auto& p : places_) {
    const auto& detect = p.target->detect ? *p.target->detect : service.detect;
    Probing::Outside outside{[this, &p] { return prospect(p); }, [this] { return next_fault(); },
                             [this, &p](const detect::Detector& d) {
                               deliver(failover::HealthSeen{p.target->id, d.verdict(), d.failing(), d.cause()});
                             }};
    p.probing = std::make_unique<Probing>(clock_, detect, assumptions.general.probe_loss,
                                          stream(seed, "probes of " + p.target->id.value), std::move(outside));
  }
}

Report Play::run(Micros length) {
  for (const auto& f : faults_) {
    clock_.at(f.from, [this, &f] { fault(f, 1); });
    clock_.at(f.to, [this, &f] { fault(f, -1); });
    turns_.push_back(f.from);
    turns_.push_back(f.to);
  }
  std::ranges::sort(turns_);
  if (service_.budget.per_month) month_ends();
  deliver(failover::Started{true});
  changed();
  observe_all();
  while (auto job = clock_.take(Time(length))) (*job)();
  for (const auto& p : places_) books_.report().lost_probes += p.probing->lost();
  return books_.finish(Time(length));
}

void Play::deliver(failover::Event event) {
  queue_.push_back(std::move(event));
  if (!pumping_) pump();
}

void Play::pump() {
  pumping_ = true;
  while (!queue_.empty()) {
    const auto event = std::move(queue_.front());
    queue_.pop_front();
    auto step = failover::step({service_, assumptions_.act}, std::move(state_), event,
                               {clock_.now(), wall(clock_.now()), Millis(0)});
    state_ = std::move(step.state);
    for (const auto& record : step.records) remember(record);
    for (const auto& effect : step.effects) perform(effect);
    if (!quiet(step)) observe_again();
    after_step();
  }
  pumping_ = false;
}

void Play::after_step() {
  note_moves();
  note_block();
  note_spending();
  update_saving();
  look_after_guards();
  consider_way_home_by_hand();
}

void Play::note_moves() {
  if (state_.move && state_.move->id != move_seen_) move_begins(*state_.move);
  if (!state_.last_move || state_.last_move->id == last_seen_) return;
  last_seen_ = state_.last_move->id;
  move_ends(*state_.last_move);
}

void Play::move_begins(const failover::Move& move) {
  auto& report = books_.report();
  move_seen_ = move.id;
  move_begun_ = move.kind;
  if (move.kind != failover::MoveKind::failover) return;
  ++report.failovers_begun;
  const auto* origin = place(move.origin);
  if (move.who.empty() && origin != nullptr && serves(*origin)) ++report.false_failovers;
}

/// Counted by what it began as: a way home that fails may end as a rollback, or as a failover to yet another place.
void Play::move_ends(const failover::LastMove& move) {
  using failover::MoveKind;
  auto& report = books_.report();
  if (move.result != "done") {
    ++report.cancelled;
    return;
  }
  if (move.kind != move_begun_) {
    ++report.rollbacks;
  } else if (move.kind == MoveKind::failover) {
    ++report.failovers;
  } else if (move.kind == MoveKind::failback) {
    ++report.failbacks;
  } else if (move.kind == MoveKind::switchover) {
    ++report.switchovers;
  }
}

void Play::note_block() {
  const std::string by = state_.blocked ? state_.blocked->by : std::string();
  if (by == blocked_by_) return;
  blocked_by_ = by;
  books_.blocked(by, clock_.now());
  ++block_;
  if (!by.empty()) clock_.after(assumptions_.general.person, [this, block = block_] { person_visits(block); });
}

void Play::remember(const failover::Record& record) {
  if (const auto* timed = std::get_if<failover::ActivationTimed>(&record)) {
    auto& p = *place(timed->target);
    if (!timed->succeeded) books_.start_failed(index(p));
    if (!timed->succeeded && timed->kind == failover::MoveKind::failback) return;  // as the journal tells it
    p.history.insert(p.history.begin(), {timed->succeeded, timed->took, timed->started});
    if (p.history.size() > history_used) p.history.pop_back();
  } else if (const auto* ended = std::get_if<failover::OutageEnded>(&record);
             ended != nullptr && ended->target == service_.primary) {
    outages_.insert(outages_.begin(), ended->ended - ended->started);
    if (outages_.size() > history_used) outages_.pop_back();
  }
}

void Play::command(failover::Command::What what, const TargetId& target, bool force, bool accept_loss) {
  failover::Command c;
  c.what = what;
  c.target = target;
  c.force = force;
  c.accept_loss = accept_loss;
  c.who = "a person";
  deliver(std::move(c));
}

void Play::person_visits(std::uint64_t block) {
  if (block != block_ || !state_.blocked) return;
  books_.person_came(true);
  person_acts(*state_.blocked);
  if (block != block_) return;  // that helped
  books_.person_came(false);
  clock_.after(assumptions_.general.person, [this, block] { person_visits(block); });
}

/// What `unblock` advises, by somebody who can see whether the old place still serves, and who comes once: with --force
/// goes --accept-loss.
void Play::person_acts(const failover::Blocked& blocked) {
  using What = failover::Command::What;
  const std::string by = blocked.by;
  if (by == "too_many_failovers") return command(What::resume, {}, false, false);
  if (by == "two_active" || by == "unseen") return command(What::promote, service_.primary, true, false);
  if (!state_.move) return;
  const TargetId to = state_.move->to;
  const auto* from = place(state_.move->from);
  if (by == "fence" && (from == nullptr || !serves(*from))) return command(What::promote, to, true, true);
  if (by == "state_too_old" || by == "no_snapshot" || by == "state") command(What::promote, to, false, true);
}

bool Play::home_waits() const {
  const auto& home = *place(service_.primary);
  return service_.failback.policy == config::Failback::Policy::manual && assumptions_.act &&
         state_.phase == Phase::active && state_.active != service_.primary && !state_.active.empty() &&
         home.down == 0 && answers(home);
}

void Play::consider_way_home_by_hand() {
  if (by_hand_waits_ || !home_waits()) return;
  by_hand_waits_ = true;
  clock_.after(assumptions_.general.person, [this] {
    by_hand_waits_ = false;
    if (home_waits()) command(failover::Command::What::failback, {}, false, false);
  });
}

Play::Place* Play::place(const TargetId& id) {
  const auto it = std::ranges::find_if(places_, [&](const Place& p) { return p.target->id == id; });
  return it == places_.end() ? nullptr : &*it;
}

const Play::Place* Play::place(const TargetId& id) const {
  const auto it = std::ranges::find_if(places_, [&](const Place& p) { return p.target->id == id; });
  return it == places_.end() ? nullptr : &*it;
}

WallTime Play::wall(Time at) {
  constexpr WallTime monday{std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)};
  return monday + std::chrono::floor<Millis>(at.time_since_epoch());
}

Report rehearse(const config::Service& service, const Assumptions& assumptions, const std::vector<Fault>& faults,
                Micros length, std::uint64_t seed) {
  return Play(service, assumptions, faults, seed).run(length);
}

}  // namespace understudy::rehearse
