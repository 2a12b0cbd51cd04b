// Leases: who may renew, and what waiting for the end of one proves.
#include <algorithm>

#include <fmt/format.h>

#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

/// W for what this guard was granted.
Millis wait_for(const config::Service& service, const GuardSeen& guard) {
  auto terms = service.lease;
  terms.ttl = std::max(terms.ttl, guard.ttl);
  terms.kill_time = std::max(terms.kill_time, guard.kill_time);
  return lease::wait_of(terms);
}

/// An instance is ID-BOOT, the id kept on the host's disk. Told apart only where waiting proves nothing: a host that
/// was booted again would be held for ever, for fear of a clone of its disk.
bool same_host_booted_again(std::string_view before, std::string_view now) {
  const auto id = [](std::string_view instance) { return instance.substr(0, instance.find('-')); };
  return before.empty() || id(before) == id(now);  // one that did not tell was of an older version
}

bool nothing_moves(const State& s) {
  return s.phase == Phase::active || s.phase == Phase::suspect || s.phase == Phase::paused;
}

/// Its last lease had run out for certain at `then`.
bool was_over(const Work& w, const TargetId& target, const GuardSeen& guard, Time then) {
  const auto renewed = w.s.renewed.find(target);
  return renewed != w.s.renewed.end() && then >= renewed->second + wait_for(w.cx.service, guard);
}

bool is_over(const Work& w, const TargetId& target, const GuardSeen& guard) {
  return was_over(w, target, guard, w.now.mono);
}

/// Another agent of the same target has this epoch or an older one, or may have it still: a container that is being
/// replaced, a clone. The end of one that was stopped for certain need not be waited for.
bool another_holds(const Work& w, const lease::Renewal& renewal) {
  const auto holder = w.s.guards.find(renewal.target);
  if (holder == w.s.guards.end() || holder->second.instance == renewal.instance) return false;
  const auto& guard = holder->second;
  if (guard.ended && guard.epoch < renewal.epoch) return false;
  return !is_over(w, renewal.target, guard) ||
         (guard.holds_over && !same_host_booted_again(guard.instance, renewal.instance));
}

/// An agent runs only the epoch that it knows: what it runs already goes on with a newer one when it is told so.
void tell_epoch(Work& w, const TargetId& target) {
  const auto op = w.operation("activate");
  w.record(Intent{op, "activate", target, w.s.epoch});
  w.effect(Activate{op, target, w.s.epoch, {}, MoveKind::start});
}

/// It renews the epoch that it had before what it runs was taken over: the new one was not told, or not yet.
bool has_not_heard(const Work& w, const lease::Renewal& renewal) {
  const auto& s = w.s;
  const auto guard = s.guards.find(renewal.target);
  const bool renewed = guard != s.guards.end() && guard->second.epoch == s.epoch;
  return nothing_moves(s) && renewal.target == s.active && renewal.epoch < s.epoch && !s.revoked && !renewed &&
         s.taken_in_place == s.epoch;
}

/// Its lease had run out, so it has ended its workload, and starts it now. Once for each time that it was well.
bool starts_again(const Work& w, const lease::Renewal& renewal) {
  const auto& s = w.s;
  if (s.graced || !nothing_moves(s) || renewal.target != s.active) return false;
  const auto guard = s.guards.find(renewal.target);
  const auto renewed = s.renewed.find(renewal.target);
  return guard != s.guards.end() && guard->second.epoch == renewal.epoch && !guard->second.holds_over &&
         renewed != s.renewed.end() && w.now.mono - renewed->second > guard->second.ttl;
}

lease::Judgement judge(const Work& w, const lease::Renewal& renewal) {
  using Verdict = lease::Judgement::Verdict;
  auto out = lease::judge(register_of(w.s), renewal);
  if (out.verdict == Verdict::stale && has_not_heard(w, renewal))
    out = {Verdict::undecided, fmt::format("epoch {} goes on as {}", renewal.epoch.value, w.s.epoch.value)};
  if (out.verdict == Verdict::granted && another_holds(w, renewal))
    out = {Verdict::undecided, fmt::format("another agent of {} has epoch {}: its lease has to run out first",
                                           renewal.target.value, renewal.epoch.value)};
  return out;
}

/// `check` reckons with the file's. Once for each length of the wait, and after a start of ours.
void tell_slow_end(Work& w, const TargetId& target, const GuardSeen& guard) {
  const auto* configured = w.cx.service.find(target);
  const Millis expected = w.cx.service.lease.kill_time;
  if (configured == nullptr || !configured->lease || guard.holds_over) return;
  if (guard.kill_time <= expected) return void(w.s.slow_end.erase(target));
  const Millis wait = wait_for(w.cx.service, guard);
  if (std::exchange(w.s.slow_end[target], wait) == wait) return;
  const auto seconds = [](Millis t) { return std::chrono::ceil<std::chrono::seconds>(t).count(); };
  w.tell(
      "lease.kill_time", Severity::warning, AlertState::event, target,
      fmt::format("{} needs {} s to end its workload, more than the file has", target.value, seconds(guard.kill_time)),
      fmt::format("Out of reach, its lease has ended after {} s: kill_time in [service.{}.lease] is {} s. Write what "
                  "[agent.lease] has there, so that `check` reckons with it, or shorten it at the agent.",
                  seconds(wait), w.cx.service.id.value, seconds(expected)));
}

void remember_guard(Work& w, const lease::Renewal& renewal) {
  auto& s = w.s;
  s.renewed[renewal.target] = w.now.mono;
  const auto known = s.guards.find(renewal.target);
  GuardSeen seen{renewal.epoch, w.cx.service.lease.ttl, renewal.kill_time, renewal.holds_over, renewal.instance};
  // A shorter ttl in a new file does not shorten what was granted before.
  if (known != s.guards.end() && known->second.epoch == seen.epoch) {
    seen.ttl = std::max(seen.ttl, known->second.ttl);
    seen.kill_time = std::max(seen.kill_time, known->second.kill_time);
    seen.holds_over = seen.holds_over || known->second.holds_over;
  }
  tell_slow_end(w, renewal.target, seen);
  if (known != s.guards.end() && known->second == seen) return;
  if (known == s.guards.end()) s.lease_missed = Epoch();  // should it be missing again, that is news
  if (known == s.guards.end() || known->second.instance != seen.instance)
    w.note("lease.held", Severity::info, renewal.target,
           fmt::format("{} agent at {} holds the lease of epoch {}", known == s.guards.end() ? "an" : "another",
                       renewal.target.value, renewal.epoch.value));
  s.guards[renewal.target] = seen;
  w.touch();
}

/// Whether the agent of the site that serves has renewed the present epoch.
bool renews(const State& s) {
  const auto guard = s.guards.find(s.active);
  return guard != s.guards.end() && guard->second.epoch == s.epoch;
}

/// Once for each epoch.
void tell_missing_lease(Work& w, const TargetId& target) {
  const auto* configured = w.cx.service.find(target);
  if (configured == nullptr || !configured->lease || w.s.lease_missed == w.s.epoch) return;
  w.s.lease_missed = w.s.epoch;
  w.tell("lease.missing", Severity::warning, AlertState::event, target,
         target.value + " says lease = true, and nobody there renews it",
         "Should it become unreachable, waiting proves nothing: does its agent have [agent.lease]?");
}

}  // namespace

lease::Register register_of(const State& state) { return {state.epoch, state.active, state.revoked}; }

std::optional<Millis> lease_wait(const config::Service& service, const State& state, const TargetId& target) {
  const auto* configured = service.find(target);
  const auto guard = state.guards.find(target);
  if (configured == nullptr || !configured->lease || guard == state.guards.end() || guard->second.holds_over)
    return std::nullopt;
  return wait_for(service, guard->second);
}

bool by_another_agent(const Work& w, const Fenced& done) {
  const auto holder = w.s.guards.find(done.target);
  if (!done.instance || holder == w.s.guards.end()) return false;
  const auto& guard = holder->second;
  if (guard.epoch != w.s.epoch && is_over(w, done.target, guard) && !guard.holds_over) return false;
  if (guard.instance.empty() || *done.instance == guard.instance) return false;
  return !guard.holds_over || !same_host_booted_again(guard.instance, *done.instance);
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
  // It may be saving its last state, which is what a planned move is made with: its answer is awaited.
  if (s.move->fence == Part::running && planned(*s.move)) return;
  if (s.move->fence == Part::running)
    w.record(Outcome{s.move->fence_operation, "unknown", "not awaited any longer: the lease has run out"});
  fence_confirmed(w, "its lease has run out");
}

void on_lease_asked(Work& w, const LeaseAsked& asked) {
  auto judgement = judge(w, asked.renewal);
  const bool granted = judgement.verdict == lease::Judgement::Verdict::granted;
  if (granted && starts_again(w, asked.renewal)) {
    w.s.graced = true;
    w.s.seen.erase(asked.renewal.target);  // what was seen was its end
    w.effect(Watch{asked.renewal.target, Watch::Mode::serving, true});
  }
  if (granted) remember_guard(w, asked.renewal);
  if (has_not_heard(w, asked.renewal) && w.cx.act && !w.s.pause) tell_epoch(w, w.s.active);
  w.effect(LeaseAnswer{asked.id, std::move(judgement), granted ? w.cx.service.lease.ttl : Millis(0)});
}

void judge_guard(Work& w, const TargetId& target) {
  auto& s = w.s;
  const auto guard = s.guards.find(target);
  if (guard != s.guards.end() && guard->second.epoch == s.epoch) return;
  if (guard != s.guards.end()) s.guards.erase(guard);
  tell_missing_lease(w, target);
}

void look_for_lease(Work& w, const Observed& seen) {
  const auto& s = w.s;
  const bool resting = s.phase == Phase::active || s.phase == Phase::suspect;
  const bool runs = seen.reachable && seen.state == SiteState::active && seen.epoch == s.epoch;
  if (resting && w.cx.act && seen.target == s.active && runs && !renews(s)) tell_missing_lease(w, s.active);
}

void forget_idle_guard(Work& w, const TargetId& target, const std::optional<Time>& passed) {
  auto& s = w.s;
  const auto guard = s.guards.find(target);
  if (target != s.active || !nothing_moves(s) || !passed || guard == s.guards.end()) return;
  if (guard->second.holds_over || !was_over(w, target, guard->second, *passed)) return;
  s.guards.erase(guard);
  w.touch();
  tell_missing_lease(w, target);
}

Epoch next_epoch(const Work& w) { return std::max(w.s.epoch, w.s.store_epoch).next(); }

void grant_in_place(Work& w, const TargetId& target, const std::string& who, const std::string& why) {
  auto& s = w.s;
  // A dry run changes nothing, and a new epoch would end what an agent runs with the present one.
  const bool anew = w.cx.act || s.epoch.value == 0;
  if (anew) s.epoch = next_epoch(w);
  s.revoked = false;
  s.taken_in_place = s.epoch;
  if (anew) w.record(Granted{s.epoch, target, who, why});  // an epoch is granted once: the journal refuses more
  const auto* configured = w.cx.service.find(target);
  if (!w.cx.act || configured == nullptr || !configured->lease) return;
  w.effect(Watch{target, Watch::Mode::serving, true});  // its agent may start it again under the new epoch
  tell_epoch(w, target);
}

void epoch_told(Work& w, const Activated& done) {
  const bool resting = w.s.phase == Phase::active || w.s.phase == Phase::suspect;
  if (!resting || done.target != w.s.active || done.status == sdk::Status::ok) return;
  w.arm(TimerKind::retry, w.backoff());
  // Only an agent takes an epoch for what runs already: there is none.
  if (done.status == sdk::Status::conflict && !renews(w.s)) tell_missing_lease(w, w.s.active);
}

void maybe_tell_epoch_again(Work& w, const Observed& seen) {
  const auto& s = w.s;
  const bool resting = s.phase == Phase::active || s.phase == Phase::suspect;
  if (!resting || !w.cx.act || seen.target != s.active || !w.target(s.active).lease) return;
  if (seen.reachable && seen.epoch && *seen.epoch < s.epoch) tell_epoch(w, s.active);
}

}  // namespace understudy::failover
