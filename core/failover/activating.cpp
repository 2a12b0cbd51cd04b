// GRANT, ACTIVATE and VERIFY: past the point of no return there is only forward.
#include <algorithm>

#include <fmt/format.h>

#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

constexpr int observations_before_giving_up = 5;

[[nodiscard]] bool no_effect(sdk::Status status) { return status != sdk::Status::ok && status != sdk::Status::unknown; }

void start_verifying(Work& w) {
  const auto& to = w.s.move->to;
  w.enter(Phase::verify, w.target(to).activate_timeout);
  w.effect(Watch{to, Watch::Mode::verifying});
}

/// Not of a start that a former process asked for: the time in which nobody ran us is no readiness.
void record_timing(Work& w, bool succeeded, const std::string& failure) {
  const auto& move = *w.s.move;
  if (succeeded && !move.activated.mono) return;
  w.record(ActivationTimed{move.to, w.s.epoch, move.kind, move.activated.wall, move.activated.until(w.now), succeeded,
                           failure});
}

void trip_breaker(Work& w, const TargetId& target) {
  const auto& limits = w.cx.service.limits;
  auto& breaker = w.s.breakers[target];
  if (++breaker.failures >= limits.breaker_failures) breaker.open_until = w.now.mono + limits.breaker_open;
}

}  // namespace

void grant(Work& w) {
  auto& s = w.s;
  auto& move = *s.move;
  w.enter(Phase::grant);
  s.epoch = next_epoch(w);
  s.revoked = false;
  move.lease_over.reset();
  w.disarm(TimerKind::lease);
  // Who ran there before has ended: there is proof of it, or a person's word. Time would never tell of this one.
  std::erase_if(s.guards, [&](const auto& g) { return g.first == move.to && g.second.holds_over; });
  s.active = move.to;
  s.running = true;  // from here on it may run, whatever the answer
  s.seen.erase(move.to);
  if (s.intruders.erase(move.to) > 0) {
    w.tell("second.site", Severity::info, AlertState::resolved, move.to, move.to.value + " is to run from here on", "");
  }
  move.operation = w.operation("activate");
  move.activated = Since(w.now);
  move.start_unknown = false;
  w.record(Granted{s.epoch, move.to, move.who, move.reason});
  w.enter(Phase::activate, w.target(move.to).activate_timeout);
  call_activate(w);
}

void call_activate(Work& w) {
  auto& move = *w.s.move;
  w.record(Intent{move.operation, "activate", move.to, w.s.epoch});
  w.effect(Activate{move.operation, move.to, w.s.epoch, move.snapshot, move.kind});
}

void on_activated(Work& w, const Activated& done) {
  auto& s = w.s;
  w.record(Outcome{done.operation, std::string(sdk::name_of(done.status)), done.detail});
  if (s.phase != Phase::activate || !s.move || done.operation != s.move->operation) return epoch_told(w, done);
  if (done.status == sdk::Status::ok) return start_verifying(w);
  // A conflict is the word that something runs there, of another epoch.
  const bool runs = done.status == sdk::Status::conflict;
  if (no_effect(done.status)) return candidate_failed(w, done.detail, s.move->start_unknown || runs);
  // An effect is possible: look before anything is repeated.
  s.move->start_unknown = true;
  w.note("activate.unknown", Severity::warning, s.move->to,
         "the start of " + s.move->to.value + " has an unknown outcome: " + done.detail);
  w.effect(Observe{s.move->to});
}

void activation_observed(Work& w, const Observed& seen) {
  auto& s = w.s;
  if (!s.move->start_unknown) return;  // the call is still under way: its own answer counts
  if (seen.reachable && (seen.state == SiteState::active || seen.state == SiteState::starting)) {
    if (!seen.epoch || *seen.epoch == s.epoch) return start_verifying(w);
    return candidate_failed(w, fmt::format("runs with epoch {} instead of {}", seen.epoch->value, s.epoch.value), true);
  }
  if (seen.reachable && seen.state == SiteState::stopped) {
    if (s.retries >= observations_before_giving_up) return candidate_failed(w, "does not start: " + seen.detail, true);
    (void)w.backoff();
    if (!s.move->activated.mono)
      s.move->activated = Since(w.now);  // a former process's clock says little of this start
    return call_activate(w);             // the same operation and epoch: it repeats safely
  }
  w.arm(TimerKind::retry, w.backoff());
}

/// It may be a live process that answers nobody yet: it gets the time that a start takes. Then it is better than
/// nobody.
void verify_degraded(Work& w) {
  const auto& s = w.s;
  const auto left = w.cx.service.detect.start_grace - s.move->activated.until(w.now);
  if (left <= Millis(0) && s.seen.at(s.move->to).verdict == Verdict::degraded) return verified(w);
  w.arm(TimerKind::retry, std::clamp<Millis>(left, Millis(1), w.cx.service.detect.start_grace));
}

void verified(Work& w) {
  auto& s = w.s;
  auto& move = *s.move;
  record_timing(w, true, "");
  s.breakers.erase(move.to);
  judge_guard(w, move.to);
  if (move.to == w.primary()) s.failback_failures = 0;
  s.home_ok_since.reset();  // stable_for counts from here on, however long the move took
  const auto took = move.started.until(w.now);
  if (s.outage_since) {
    w.tell("service.down", Severity::info, AlertState::resolved, move.origin, w.cx.service.id.value + " serves again",
           "");
    s.outage_since.reset();
  }
  w.unblock();
  w.tell(std::string(to_string(move.kind)) + ".done", Severity::warning, AlertState::event, move.to,
         fmt::format("{} runs at {} (epoch {}, {} after {:.1f} s)", w.cx.service.id.value, move.to.value, s.epoch.value,
                     to_string(move.kind), static_cast<double>(took.count()) / 1000),
         move.snapshot.empty() ? "" : "state from snapshot " + move.snapshot.value);
  const TargetId to = move.to;
  end_move(w, "done");
  become_active(w, to);
}

void candidate_failed(Work& w, const std::string& why, bool may_run) {
  auto& s = w.s;
  auto& move = *s.move;
  record_timing(w, false, why);
  trip_breaker(w, move.to);
  failed_again(w, move.to);
  move.tried.push_back(move.to);
  move.brought_to = TargetId();  // it may have written there
  move.forced = false;           // that was said of the site that is left, not of this one
  w.tell("activation.failed", Severity::critical, AlertState::event, move.to, move.to.value + " could not take over",
         why);
  if (may_run && !move.saved.empty()) {  // what it pushed meanwhile, if anything, is newer: the newest is asked for
    move.saved = SnapshotId();
    move.save = Part::failed;
  }
  move.from = may_run ? move.to : TargetId();
  move.fence = may_run ? Part::todo : Part::done;
  s.running = may_run;
  if (!may_run) s.revoked = true;  // should it start after all, it is refused a lease: nobody waits for the end of one
  if (!s.outage_since) s.outage_since = w.now.wall;
  const bool origin_is_left = w.cx.service.find(move.origin) == nullptr;  // the file has changed since the grant
  if (planned(move) && !origin_is_left) return roll_back(w, why);
  if (may_run)
    w.note("fence.needed", Severity::warning, move.to,
           move.to.value + " may run and is stopped before the next is tried");
  move.kind = MoveKind::failover;
  move.voluntary = false;
  ask_plan(w);
}

void end_move(Work& w, std::string result) {
  auto& s = w.s;
  const auto& move = *s.move;
  s.last_move =
      LastMove{move.id, move.kind, move.origin, move.to, std::move(result), move.started.until(w.now), w.now.wall};
  s.move.reset();
  w.touch();
}

}  // namespace understudy::failover
