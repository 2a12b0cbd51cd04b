// Agents with a lease: they renew while they reach the orchestrator, and end their workload when they cannot. Renewals
// that are granted change nothing after the first of an epoch, so only that one is told to the machine.
#include "core/rehearse/play.hpp"

namespace understudy::rehearse {
namespace {

using Verdict = lease::Judgement::Verdict;

}  // namespace

Verdict Play::judged(const Place& p) const {
  return lease::judge(failover::register_of(state_), {p.target->id, *p.epoch, service_.lease.kill_time, false}).verdict;
}

void Play::renew(Place& p) {
  if (p.target->lease && p.epoch && reaches_us(p))
    deliver(failover::LeaseAsked{1, {p.target->id, *p.epoch, service_.lease.kill_time, false}});
}

void Play::look_after_guards() {
  for (auto& p : places_) {
    if (!p.target->lease || !p.epoch || p.down > 0) continue;
    if (p.runs && !reaches_us(p)) guard_waits(p, service_.lease.ttl);
    if (p.runs && reaches_us(p) && judged(p) != Verdict::granted && judged(p) != Verdict::undecided)
      guard_waits(p, service_.lease.renew_every);
    if (p.ended_by_guard && reaches_us(p)) guard_asks_again(p);
  }
}

/// Its deadline counts from the last renewal, which may be up to renew_every before this: the latest is taken.
void Play::guard_waits(Place& p, Millis until) {
  if (p.guard_waits) return;
  p.guard_waits = true;
  clock_.after(until, [this, &p] {
    p.guard_waits = false;
    if (!p.runs || p.down > 0 || (reaches_us(p) && judged(p) == Verdict::granted)) return;
    p.runs = false;
    p.ended_by_guard = true;
    stopping_ = true;
    changed();
    stopping_ = false;
  });
}

/// Whoever is no longer the holder is refused, and lets go. The holder starts again what it had to end.
void Play::guard_asks_again(Place& p) {
  p.ended_by_guard = false;
  if (p.starting != 0 || judged(p) != Verdict::granted) return;
  renew(p);  // by the gap since the last one it is known that it starts again
  const auto start = p.starting = next_start_++;
  clock_.after(activation_takes(p), [this, &p, start] { start_ends(p, start, p.down == 0, *p.epoch); });
}

}  // namespace understudy::rehearse
