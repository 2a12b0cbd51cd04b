// Leases: who may renew, and what waiting for the end of one proves.
#include <algorithm>

#include <fmt/format.h>

#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

void remember_guard(Work& w, const lease::Renewal& renewal) {
  auto& s = w.s;
  const auto known = s.guards.find(renewal.target);
  GuardSeen seen{renewal.epoch, w.cx.service.lease.ttl, renewal.kill_time, renewal.holds_over};
  // A shorter ttl in a new file does not shorten what was granted before.
  if (known != s.guards.end() && known->second.epoch == seen.epoch) {
    seen.ttl = std::max(seen.ttl, known->second.ttl);
    seen.kill_time = std::max(seen.kill_time, known->second.kill_time);
    seen.holds_over = seen.holds_over || known->second.holds_over;
  }
  if (known != s.guards.end() && known->second == seen) return;
  if (known == s.guards.end())
    w.note("lease.held", Severity::info, renewal.target,
           fmt::format("an agent at {} holds the lease of epoch {}", renewal.target.value, renewal.epoch.value));
  s.guards[renewal.target] = seen;
  w.touch();
}

}  // namespace

lease::Register register_of(const State& state) { return {state.epoch, state.active, state.revoked}; }

std::optional<Millis> lease_wait(const Work& w, const TargetId& target) {
  const auto* configured = w.cx.service.find(target);
  const auto guard = w.s.guards.find(target);
  if (configured == nullptr || !configured->lease || guard == w.s.guards.end() || guard->second.holds_over)
    return std::nullopt;
  auto terms = w.cx.service.lease;
  terms.ttl = std::max(terms.ttl, guard->second.ttl);
  terms.kill_time = std::max(terms.kill_time, guard->second.kill_time);
  return lease::wait_of(terms);
}

void await_lease_end(Work& w) {
  auto& move = *w.s.move;
  if (move.lease_over) return;
  const auto wait = lease_wait(w, move.from);
  if (!wait) return;
  move.lease_over = w.now.mono + *wait;
  w.arm(TimerKind::lease, *wait);
  w.note("lease.wait", Severity::info, move.from,
         fmt::format("if {} cannot be stopped, its lease has run out in {:.0f} s", move.from.value,
                     static_cast<double>(wait->count()) / 1000));
}

void on_lease_over(Work& w) {
  auto& s = w.s;
  const bool fencing = s.phase == Phase::fence || s.phase == Phase::failback ||
                       (s.phase == Phase::hold && (s.hold_from == Phase::fence || s.hold_from == Phase::failback));
  if (!fencing || !s.move || s.move->fence == Part::done || !s.move->lease_over) return;
  if (w.now.mono < *s.move->lease_over)
    return w.arm(TimerKind::lease, std::chrono::ceil<Millis>(*s.move->lease_over - w.now.mono));
  if (s.move->fence == Part::running)
    w.record(Outcome{s.move->fence_operation, "unknown", "not awaited any longer: the lease has run out"});
  fence_confirmed(w, "its lease has run out");
}

void on_lease_asked(Work& w, const LeaseAsked& asked) {
  auto judgement = lease::judge(register_of(w.s), asked.renewal);
  const bool granted = judgement.verdict == lease::Judgement::Verdict::granted;
  if (granted) remember_guard(w, asked.renewal);
  w.effect(LeaseAnswer{asked.id, std::move(judgement), granted ? w.cx.service.lease.ttl : Millis(0)});
}

void judge_guard(Work& w, const TargetId& target) {
  auto& s = w.s;
  const auto* configured = w.cx.service.find(target);
  const auto guard = s.guards.find(target);
  if (guard != s.guards.end() && guard->second.epoch == s.epoch) return;
  if (guard != s.guards.end()) s.guards.erase(guard);
  if (configured == nullptr || !configured->lease) return;
  w.tell("lease.missing", Severity::warning, AlertState::event, target,
         target.value + " says lease = true, and nobody there renews it",
         "Should it become unreachable, waiting proves nothing: does its agent have [agent.lease]?");
}

void grant_in_place(Work& w, const TargetId& target, const std::string& who, const std::string& why) {
  auto& s = w.s;
  // A dry run changes nothing, and a new epoch would end what an agent runs with the present one.
  if (w.cx.act || s.epoch.value == 0) s.epoch = s.epoch.next();
  s.revoked = false;
  w.record(Granted{s.epoch, target, who, why});
  const auto* configured = w.cx.service.find(target);
  if (!w.cx.act || configured == nullptr || !configured->lease) return;
  const auto op = w.operation("activate");
  w.record(Intent{op, "activate", target, s.epoch});
  w.effect(Activate{op, target, s.epoch, {}, MoveKind::start});
}

}  // namespace understudy::failover
