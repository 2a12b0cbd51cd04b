// What the machine asks for, and how the world answers.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/rehearse/play.hpp"

namespace understudy::rehearse {
namespace {

constexpr Millis no_answer_after{15'000};  ///< a provider that cannot be reached is given up
const std::string no_answer = "its provider does not answer";

double normal(sim::Dice& dice) {
  const double radius = std::sqrt(-2 * std::log1p(-dice.unit()));
  return radius * std::cos(2 * std::numbers::pi * dice.unit());
}

}  // namespace

struct Play::Performer {
  Play& play;

  void operator()(const failover::MakePlan& e) const { play.deliver(play.make_plan(e)); }
  void operator()(const failover::Fence& e) const { play.fence(e); }
  void operator()(const failover::Save& e) const { play.save(e); }
  void operator()(const failover::Prepare& e) const { play.prepare(e); }
  void operator()(const failover::Activate& e) const { play.activate(e); }
  void operator()(const failover::Observe& e) const {
    if (auto* p = play.place(e.target)) play.observe(*p);
  }
  void operator()(const failover::Watch& e) const { play.watch(e); }
  void operator()(const failover::Arm& e) const {
    play.clock_.after(e.after, [self = &play, e] { self->deliver(failover::TimerFired{e.kind, e.generation}); });
  }
  /// People and programs are told in production; here nobody listens.
  template <class Other>
  void operator()(const Other&) const {}
};

void Play::perform(const failover::Effect& effect) { std::visit(Performer{*this}, effect); }

void Play::watch(const failover::Watch& e) {
  for (auto& p : places_) {
    if (p.target->id != e.target) {
      p.probing->set_mode(Probing::Mode::idle);
    } else {
      p.probing->set_mode(
          e.mode == failover::Watch::Mode::verifying ? Probing::Mode::verifying : Probing::Mode::serving, e.grace);
    }
  }
}

void Play::fence(const failover::Fence& e) {
  auto* p = place(e.target);
  if (p == nullptr) return;
  const bool runs = p->runs || p->starting != 0;
  const Millis takes = !answers(*p) ? std::min(no_answer_after, p->target->deactivate_timeout)
                       : runs       ? assumptions_.general.stop_takes
                                    : Millis(0);
  clock_.after(takes, [this, p, e, reached = answers(*p)] {
    if (reached) stopped(*p);
    const bool told = reached && answers(*p);
    deliver(failover::Fenced{e.operation, e.target, told, told ? "stopped" : no_answer});
  });
}

void Play::stopped(Place& p) {
  // An agent saves once more before it lets go.
  if (serves(p) && p.target->paths.empty() && service_.state) {
    const Time now = clock_.now();
    update_saving();
    newest_ = {SnapshotId("last-" + std::to_string(now.time_since_epoch().count())), now, now};
  }
  p.runs = p.ended_by_guard = false;
  p.starting = 0;
  stopping_ = true;
  changed();
  stopping_ = false;
}

void Play::save(const failover::Save& e) {
  const auto& g = assumptions_.general;
  const Millis takes = std::min(g.state_takes, service_.state->save_timeout);
  clock_.after(takes, [this, p = place(e.target), e, in_time = takes == g.state_takes] {
    failover::Saved done{e.operation, in_time && p->cut == 0 && p->unreadable == 0 && ours_ == 0, {}, ""};
    if (done.ok) {
      const Time now = clock_.now();
      newest_ = {SnapshotId(e.operation), now, books_.silent_since().value_or(now)};
      done.snapshot.id = newest_.id;
      done.snapshot.created = wall(now);
    }
    deliver(std::move(done));
  });
}

void Play::prepare(const failover::Prepare& e) {
  const auto* p = place(e.target);
  const bool brings = !p->target->paths.empty();
  const bool there = !e.have.empty() && newest_snapshot().id == e.have;  // it asks again to seal the store
  clock_.after(brings && !there ? assumptions_.general.state_takes : Millis(0), [this, p, e, brings, there] {
    failover::Prepared done{e.operation, ours_ == 0 && (!brings || there || p->cut == 0), {}, ""};
    if (done.ok) {
      const Kept kept = newest_snapshot();
      books_.starts_from(kept.content);
      done.snapshot.id = kept.id;
      done.snapshot.created = wall(kept.created);
    }
    deliver(std::move(done));
  });
}

void Play::activate(const failover::Activate& e) {
  auto& p = *place(e.target);
  if (p.runs && reaches_us(p)) {  // it goes on, under an epoch of its own
    p.epoch = e.epoch;
    renew(p);
    return deliver(failover::Activated{e.operation, e.target, sdk::Status::ok, "it runs"});
  }
  if (answers(p)) return start(p, e);
  clock_.after(std::min(no_answer_after, p.target->activate_timeout),
               [this, e] { deliver(failover::Activated{e.operation, e.target, sdk::Status::transient, no_answer}); });
}

void Play::start(Place& p, const failover::Activate& e) {
  const Millis takes = activation_takes(p);
  const bool fails = p.dice.chance(p.assumed->activation_fails);
  if (e.snapshot.empty() && service_.state) books_.starts_from(clock_.now());  // its own copy is the newest
  books_.starts(index(p));
  if (e.kind != failover::MoveKind::start && service_.state) books_.transferred(index(p));
  if (e.kind != failover::MoveKind::start && p.target->id != service_.primary)
    meter_.starts(p.target->id, p.assumed->price, service_.state ? assumptions_.general.state_gb : 0);
  const auto start = p.starting = next_start_++;
  const bool in_time = takes < p.target->activate_timeout;
  clock_.after(takes, [this, &p, e, start, fails, in_time] {
    if (p.starting != start) return;  // stopped meanwhile
    const bool good = !fails && p.down == 0;
    start_ends(p, start, good, e.epoch);
    if (good) renew(p);
    if (!in_time) return;
    const auto status = !answers(p) ? sdk::Status::unknown : good ? sdk::Status::ok : sdk::Status::transient;
    deliver(failover::Activated{e.operation, e.target, status, good ? "runs" : "it does not start"});
  });
  if (in_time) return;
  clock_.after(p.target->activate_timeout, [this, e] {
    deliver(failover::Activated{e.operation, e.target, sdk::Status::unknown, "no answer in time"});
  });
}

void Play::start_ends(Place& p, std::uint64_t start, bool good, Epoch epoch) {
  if (p.starting != start) return;
  p.starting = 0;
  if (good) {
    p.runs = true;
    p.epoch = epoch;
  }
  changed();
}

/// One of its past successes, or what the file declares, which weighs as much as two of them. The same number of draws
/// each time, so that alternatives meet the same luck.
Millis Play::activation_takes(Place& p) {
  std::vector<Millis> took;
  for (const auto& h : p.assumed->history) {
    if (h.succeeded) took.push_back(h.took);
  }
  const double which = p.dice.unit() * (policy::prior_weight + static_cast<double>(took.size()));
  const double factor = std::exp(p.assumed->activation_spread * normal(p.dice));
  if (which >= policy::prior_weight && !took.empty())
    return took[std::min(took.size() - 1, static_cast<std::size_t>(which - policy::prior_weight))];
  return Millis(std::llround(static_cast<double>(p.target->declared.ready_in.count()) * factor));
}

}  // namespace understudy::rehearse
