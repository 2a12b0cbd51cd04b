// ACTIVE, SUSPECT, PLAN and PAUSED: nothing has been touched yet.
#include <algorithm>

#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

/// Nothing moves, and somebody holds the service.
[[nodiscard]] bool rests(const State& s) {
  return (s.phase == Phase::active || s.phase == Phase::suspect) && s.running;
}

[[nodiscard]] bool serves(Verdict verdict) { return verdict == Verdict::up || verdict == Verdict::degraded; }

/// A move of a site that serves, of which nothing was touched yet.
[[nodiscard]] bool still_serves(const State& s) {
  return s.move && s.move->voluntary && s.move->fence == Part::none && s.running;
}

/// The active target failed; the service is down with it.
void outage_begins(Work& w) {
  if (!w.s.outage_since) w.s.outage_since = w.now.wall;
  w.s.failed.try_emplace(w.s.active, Failed{Since(w.now), {}});
  w.touch();
}

/// What a later plan expects of an outage's length is learnt from it.
void outage_ends(Work& w, const TargetId& target) {
  const auto it = w.s.failed.find(target);
  if (it == w.s.failed.end()) return;
  const auto& [since, well] = it->second;
  const Millis began = since.until(w.now), ended = well ? std::min(began, well->until(w.now)) : Millis(0);
  w.record(OutageEnded{target, w.now.wall - began, w.now.wall - ended});
  w.s.failed.erase(it);
}

void went_down(Work& w, const std::string& cause) {
  outage_begins(w);
  w.tell("service.down", Severity::critical, AlertState::firing, w.s.active,
         w.cx.service.id.value + " is down at " + w.s.active.value, cause);
  ask_plan(w);
}

/// `down_at`: where the outage was told.
void came_back(Work& w, const TargetId& down_at) {
  w.s.outage_since.reset();
  w.unblock();
  w.tell("service.down", Severity::info, AlertState::resolved, down_at,
         w.cx.service.id.value + " is well again at " + w.s.active.value, "");
  become_active(w, w.s.active);
}

/// A service that is up may fail again at once, and then has been heard well for no more than a moment.
void suspect_if_failing(Work& w, const Seen& seen) {
  if (!seen.failing || w.s.phase != Phase::active) return;
  const auto& detect = w.cx.service.detect;
  // Long enough for every probe that could still confirm it, timeouts included.
  w.enter(Phase::suspect, (detect.interval + detect.timeout) * (detect.fall + 1));
}

void holder_health(Work& w, const Seen& seen) {
  switch (w.s.phase) {
    case Phase::active:
      if (seen.verdict == Verdict::down) return went_down(w, seen.cause);
      if (seen.failing) return suspect_if_failing(w, seen);
      if (serves(seen.verdict) && w.s.outage_since) came_back(w, w.s.active);  // it was down when we were started again
      return;
    case Phase::suspect:
      if (seen.verdict == Verdict::down) return went_down(w, seen.cause);
      if (seen.failing) return;
      w.enter(Phase::active);
      if (serves(seen.verdict) && w.s.outage_since) came_back(w, w.s.active);
      return;
    case Phase::plan:
      // With a move, a check that fails may be the first that sees the end of what we have stopped.
      if (serves(seen.verdict) && w.s.running && !still_serves(w.s) && !(seen.failing && w.s.move)) {
        const TargetId down_at = w.s.move ? w.s.move->origin : w.s.active;
        if (w.s.move) end_move(w, "cancelled");
        came_back(w, down_at);
        suspect_if_failing(w, seen);
      }
      return;
    case Phase::hold:
      if (w.s.hold_from == Phase::plan && !w.s.move && serves(seen.verdict) && w.s.running) {
        came_back(w, w.s.active);
        suspect_if_failing(w, seen);
      }
      return;
    case Phase::paused:
      if (seen.verdict == Verdict::down && !w.s.outage_since) {
        outage_begins(w);
        w.tell("service.down", Severity::critical, AlertState::firing, w.s.active,
               w.cx.service.id.value + " is down at " + w.s.active.value + " while paused", seen.cause);
      } else if (serves(seen.verdict) && w.s.outage_since) {
        w.s.outage_since.reset();
        outage_ends(w, w.s.active);
        w.tell("service.down", Severity::info, AlertState::resolved, w.s.active,
               w.cx.service.id.value + " is well again at " + w.s.active.value, "");
      }
      return;
    default: return;
  }
}

void intruder_seen(Work& w, const Observed& seen) {
  if (!w.s.intruders.contains(seen.target)) {
    w.s.intruders[seen.target] = w.now.wall;
    w.tell("second.site", Severity::critical, AlertState::firing, seen.target,
           seen.target.value + " runs " + w.cx.service.id.value + " although " + w.s.active.value + " is active",
           w.cx.act && !w.s.pause ? "It is being stopped." : "Nothing is touched in this mode: stop it by hand.");
  }
  if (!w.cx.act || w.s.pause) return;
  const auto op = w.operation("fence-intruder");
  w.record(Intent{op, "fence", seen.target, w.s.epoch});
  w.effect(Fence{op, seen.target, w.s.epoch});
}

void look_for_intruder(Work& w, const Observed& seen) {
  const auto& s = w.s;
  if (s.phase == Phase::starting || seen.target == s.active || s.active.empty()) return;
  if (w.cx.service.find(s.active) == nullptr) return;  // perhaps the same site under another name: a person says so
  if (s.move && (seen.target == s.move->to || seen.target == s.move->from || seen.target == s.move->origin)) return;
  if (seen.state == SiteState::active || seen.state == SiteState::starting) return intruder_seen(w, seen);
  if (seen.state == SiteState::stopped && w.s.intruders.erase(seen.target) > 0) {
    w.tell("second.site", Severity::info, AlertState::resolved, seen.target, seen.target.value + " is stopped", "");
  }
}

[[nodiscard]] bool rests_well(const Observed& seen) {
  return seen.reachable && seen.ready && seen.state == SiteState::stopped;
}

/// A provider that answers says little of what broke: home's outage has ended with this only if its next start is well.
/// Of the others, which nobody waits for, nothing better will be known.
void look_at_failed(Work& w, const Observed& seen) {
  const auto it = w.s.failed.find(seen.target);
  if (it == w.s.failed.end() || (seen.target == w.s.active && w.s.running)) return;
  if (!rests_well(seen)) return failed_again(w, seen.target);
  if (it->second.well) return;
  it->second.well = Since(w.now);
  w.touch();
  if (seen.target != w.primary()) outage_ends(w, seen.target);
}

void look_at_home(Work& w, const Observed& seen) {
  if (seen.target != w.primary() || w.s.active == w.primary()) return;
  if (!rests_well(seen)) {
    w.s.home_ok_since.reset();
  } else if (!w.s.home_ok_since) {
    w.s.home_ok_since = w.now.mono;
  }
  consider_failback(w);
}

/// Work of a former run that no store has taken: people must know before it is written over.
void look_at_leftovers(Work& w, const Observed& seen) {
  if (!seen.reachable || !seen.unsaved || *seen.unsaved == w.s.unsaved.contains(seen.target)) return;
  w.touch();
  if (!*seen.unsaved) {
    w.s.unsaved.erase(seen.target);
    return w.tell("state.unsaved", Severity::info, AlertState::resolved, seen.target,
                  seen.target.value + " has nothing left that is not saved", "");
  }
  w.s.unsaved.insert(seen.target);
  w.tell("state.unsaved", Severity::warning, AlertState::firing, seen.target,
         seen.target.value + " has work of a former run that no store has taken", seen.detail);
}

/// We waited for somebody who did not answer: it is seen to run, or all are seen stopped.
bool answers_the_hold(const Work& w) {
  const auto& s = w.s;
  if (s.phase != Phase::hold || s.hold_from != Phase::starting || !s.blocked || s.blocked->by != "unseen") return false;
  return !who_runs(s).empty() || who_is_not_stopped(w).empty();
}

/// Who was not tried yet, in the plan's order. When all were, a new round begins: else the first of them, which fails
/// again and again, would keep the others from their turn. The origin, which may take its time to fail, has its turn
/// when each of the others has had two.
TargetId next_of(Move& move, const std::vector<TargetId>& ranked) {
  const auto tried = [&](const TargetId& id) { return std::ranges::find(move.tried, id) != move.tried.end(); };
  const auto next = std::ranges::find_if_not(ranked, tried);
  const auto others = std::ranges::count_if(ranked, [&](const TargetId& id) { return id != move.origin; });
  if (next != ranked.end() && !(*next == move.origin && move.attempt < 2 * others)) return *next;
  move.tried.clear();
  return ranked.front();
}

void report_would_act(Work& w, const PlanMade& made) {
  w.tell("observe.would_promote", Severity::warning, AlertState::event, made.ranked.front(),
         "would have promoted " + made.ranked.front().value + " for " + w.cx.service.id.value, made.summary);
  w.block("observe", "mode is \"observe\": decided to promote " + made.ranked.front().value + ", touched nothing",
          std::string("set mode = \"act\" in [orchestrator] and ") + (w.s.move ? "start again" : "reload"),
          Severity::warning);
}

void resume_after_pause(Work& w) { resume_now(w, "the pause's end"); }

/// What kept a plan from being made may have been an old look at the standbys.
void look_at_standbys(Work& w) {
  for (const auto& t : w.cx.service.targets) {
    if (t.id != w.s.active) w.effect(Observe{t.id});
  }
}

/// Nobody can take over from a site that serves: it goes on as it was.
void give_up_planned(Work& w, const std::string& why) {
  const auto& move = *w.s.move;
  w.tell(std::string(to_string(move.kind)) + ".failed", Severity::warning, AlertState::event, w.s.active,
         w.cx.service.id.value + " stays at " + w.s.active.value + ": no standby can be promoted", why);
  end_move(w, "failed");
  w.enter(Phase::active);
  if (w.s.pause) w.enter(Phase::paused);
  look_again(w);
}

}  // namespace

bool regrant_if_well(Work& w) {
  const auto& s = w.s;
  const bool fencing = s.phase == Phase::fence || (s.phase == Phase::hold && s.hold_from == Phase::fence);
  if (!fencing || !s.move || s.move->kind != MoveKind::failover || s.move->fence != Part::todo) return false;
  const auto seen = s.seen.find(s.active);
  if (s.move->from != s.active || seen == s.seen.end()) return false;
  if (seen->second.verdict != Verdict::up || seen->second.failing) return false;
  if (lease_wait(w, s.active)) return false;  // its guard is refused from here on, and ends it
  grant_in_place(w, s.active, "", "serves again before it was stopped; nobody else was activated");
  const TargetId down_at = s.move->origin;
  end_move(w, "cancelled");
  came_back(w, down_at);
  return true;
}

/// Only for what is seen to run, and alone: a journal that was put back may name another site than the one that serves.
void rise_above_store(Work& w) {
  auto& s = w.s;
  if (s.store_epoch <= s.epoch || !w.cx.act || s.pause) return;
  const auto runs = who_runs(s);
  if (runs.size() != 1 || !runs.contains(s.active)) return;
  grant_in_place(w, s.active, "", "the store has snapshots of epoch " + std::to_string(s.store_epoch.value));
}

void on_store_seen(Work& w, const StoreSeen& seen) {
  if (seen.epoch > std::max(w.s.epoch, w.s.store_epoch))
    w.note("store.ahead", Severity::warning, w.s.active,
           "the store has snapshots of epoch " + std::to_string(seen.epoch.value) +
               ", and this journal knows of none above " + std::to_string(w.s.epoch.value) +
               ": was it lost, or an older one put back?");
  w.s.store_epoch = std::max(w.s.store_epoch, seen.epoch);
  if (rests(w.s)) rise_above_store(w);
}

void become_active(Work& w, const TargetId& target, bool just_started) {
  w.s.active = w.s.data_at = target;
  w.s.running = true;
  w.s.ran.clear();
  if (!w.s.outage_since) outage_ends(w, target);  // else it is watched on, and not known to serve again
  w.enter(Phase::active);
  if (w.s.pause) w.enter(Phase::paused);  // it came during the move that ends here
  w.touch();
  const auto* configured = w.cx.service.find(target);
  w.effect(Watch{target, Watch::Mode::serving, just_started && configured != nullptr && configured->lease});
  if (target == w.primary()) w.s.home_ok_since.reset();
  rise_above_store(w);
  consider_failback(w);
}

void failed_again(Work& w, const TargetId& target) {
  const auto it = w.s.failed.find(target);
  if (it == w.s.failed.end() || !it->second.well) return;
  it->second.well.reset();
  w.touch();
}

void on_health(Work& w, const HealthSeen& event) {
  Seen& seen = w.s.seen[event.target];
  seen = Seen{event.verdict, event.failing, event.cause};
  if (w.s.phase == Phase::verify && w.s.move && event.target == w.s.move->to) {
    if (event.verdict == Verdict::up) return verified(w);
    if (event.verdict == Verdict::degraded) return verify_degraded(w);
    if (event.verdict == Verdict::down) return candidate_failed(w, "not healthy after its start: " + event.cause, true);
    return;
  }
  if (event.target != w.s.active) return;
  forget_idle_guard(w, event.target, event.passed);
  if (serves(event.verdict)) w.s.graced = false;
  if (!regrant_if_well(w)) holder_health(w, seen);
}

void on_observed(Work& w, const Observed& event) {
  w.s.observed[event.target] = event.reachable ? event.state : SiteState::unknown;
  if (event.reachable && event.state == SiteState::stopped && w.s.ran.erase(event.target) > 0) w.touch();
  look_at_leftovers(w, event);
  look_at_failed(w, event);
  if (w.s.phase == Phase::starting) return starting_observed(w, event);
  if (w.s.phase == Phase::activate && w.s.move && event.target == w.s.move->to) return activation_observed(w, event);
  if (answers_the_hold(w)) {
    w.unblock();
    return find_out_again(w);
  }
  look_for_intruder(w, event);
  look_at_home(w, event);
  if (rests(w.s)) rise_above_store(w);
  maybe_tell_epoch_again(w, event);
  forget_idle_guard(w, event.target, event.passed);
  look_for_lease(w, event);
}

void ask_plan(Work& w) {
  auto& s = w.s;
  const auto& limits = w.cx.service.limits;
  for (auto& t : s.failovers) t = std::min(t, w.now.wall);  // the clock may have been set back since
  std::erase_if(s.failovers, [&](WallTime t) { return w.now.wall - t > limits.window; });
  const bool over = static_cast<int>(s.failovers.size()) >= limits.max_failovers;
  if (over && !s.move) {
    hold(w, Phase::plan, "too_many_failovers",
         std::to_string(s.failovers.size()) + " failovers within " + std::to_string(limits.window.count() / 60000) +
             " min; the next is allowed when the oldest of them is past that time",
         w.command("resume"));
    w.arm(TimerKind::phase,
          limits.window - std::chrono::duration_cast<Millis>(w.now.wall - s.failovers.front()) + Millis(1));
    return;
  }
  w.enter(Phase::plan, limits.plan_timeout);
  MakePlan ask;
  ask.desperate = s.retries > 0 && !still_serves(s);  // who serves well is no candidate to take over from itself
  ask.failed = s.move ? s.move->origin : s.active;
  if (s.move && s.move->voluntary) ask.failed = s.active;
  if (s.move && !ask.desperate) ask.exclude = s.move->tried;
  w.effect(std::move(ask));
}

void on_plan(Work& w, const PlanMade& made) {
  if (w.s.phase != Phase::plan) return;
  if (made.common_mode) {
    w.block(
        "common_mode",
        "the active site and every candidate fail together: this looks like our own network, so nothing is promoted",
        // Not --force: nothing has moved yet, and a site that we cannot see may well serve.
        "look from another network whether " + w.s.active.value +
            " serves; only when it does not: " + w.command("promote", "TARGET"));
    look_at_standbys(w);
    return w.arm(TimerKind::retry, w.backoff());
  }
  if (made.ranked.empty()) {
    if (still_serves(w.s)) return give_up_planned(w, made.why_empty);
    w.block("no_standby", "no standby can be promoted: " + made.why_empty, w.command("plan"));
    look_at_standbys(w);
    // The more was tried, the longer the wait.
    if (w.s.move)
      w.s.retries = std::max(w.s.retries, w.s.move->attempt / static_cast<int>(w.cx.service.targets.size()));
    return w.arm(TimerKind::retry, w.backoff());
  }
  if (!w.cx.act) {
    w.disarm(TimerKind::phase);
    return report_would_act(w, made);
  }
  if (!w.s.move) {
    begin_failover(w, w.s.seen[w.s.active].cause);
  }
  if (w.s.blocked && w.s.blocked->by != "observe") w.unblock();
  auto& move = *w.s.move;
  move.to = next_of(move, made.ranked);
  ++move.attempt;
  w.note("plan", Severity::info, move.to, made.summary);
  revoke(w);
}

void look_again(Work& w) {
  const auto it = w.s.seen.find(w.s.active);
  if (it != w.s.seen.end()) holder_health(w, it->second);
  if (w.s.phase == Phase::active) consider_failback(w);
}

/// The wall clock may be set meanwhile, and summer time may begin.
constexpr Millis longest_freeze_nap{300'000};

void consider_failback(Work& w) {
  const auto& s = w.s;
  const auto& failback = w.cx.service.failback;
  if (s.phase != Phase::active || s.active == w.primary() || !s.home_ok_since || s.pause || !w.cx.act) return;
  if (failback.policy != config::Failback::Policy::automatic) return;
  const Millis wait = failback.stable_for * (1LL << std::min(s.failback_failures, 6));
  const auto passed = std::chrono::duration_cast<Millis>(w.now.mono - *s.home_ok_since);
  if (passed < wait) return w.arm(TimerKind::failback, wait - passed);
  if (const auto frozen = free_again_in(failback.freeze, minute_of_week(w.now.wall, w.now.utc_offset)))
    return w.arm(TimerKind::failback, std::min<Millis>(std::chrono::minutes(*frozen), longest_freeze_nap));
  begin_move(w, MoveKind::failback, w.primary(), w.primary().value + " has been well long enough", nullptr);
}

void on_watch_timer(Work& w, const TimerFired& fired) {
  switch (fired.kind) {
    case TimerKind::failback: return consider_failback(w);
    case TimerKind::pause: return resume_after_pause(w);
    case TimerKind::remind: {
      if (!w.s.blocked) return;
      const Blocked again = *w.s.blocked;
      w.s.blocked.reset();
      w.block(again.by, again.text, again.unblock, again.severity);
      w.s.blocked->since = again.since;
      return;
    }
    default: return;
  }
}

}  // namespace understudy::failover
