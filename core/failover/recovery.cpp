// STARTING: finding out what runs where, after a start of the orchestrator or with a new service.
#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

/// Takes what already runs as it is, under an epoch above every one that was seen.
void adopt(Work& w, const TargetId& target, std::string why) {
  grant_in_place(w, target, "", why);
  w.tell("service.adopted", target == w.primary() ? Severity::info : Severity::warning, AlertState::event, target,
         w.cx.service.id.value + " is taken to run at " + target.value, std::move(why));
  become_active(w, target);
}

/// Kept until each is seen stopped, whatever happens to us meanwhile.
void remember_who_runs(State& s) { s.ran.merge(who_runs(s)); }

/// Who is silent now and ran before is taken to run still.
std::vector<TargetId> running_sites(const Work& w) {
  const auto seen = who_runs(w.s);
  std::vector<TargetId> out;
  for (const auto& t : w.cx.service.targets) {
    if (w.s.ran.contains(t.id) || seen.contains(t.id)) out.push_back(t.id);
  }
  return out;
}

/// An agent that is told its first epoch starts its workload, or starts it again: that waits for the pause's end too.
void hold_paused(Work& w, const TargetId& taken) {
  const std::string why = taken.empty() ? "nothing runs yet" : "the lease of " + taken.value + " is not begun yet";
  hold(w, Phase::starting, "paused", why + ", and it is paused by " + w.s.pause->who, w.command("resume"));
}

/// A journal that is lost says nothing of where the service runs: whoever does not answer may run it.
void hold_unseen(Work& w, const std::vector<TargetId>& silent) {
  std::string names;
  for (const auto& t : silent) names += (names.empty() ? "" : ", ") + t.value;
  hold(w, Phase::starting, "unseen", "nothing is seen to run, and it is not known that nothing runs at " + names,
       w.command("promote", w.primary().value + " --force"));
}

void decide_fresh(Work& w) {
  auto& s = w.s;
  const auto running = running_sites(w);
  if (running.size() > 1) {
    remember_who_runs(s);
    std::string names;
    for (const auto& t : running) names += (names.empty() ? "" : ", ") + t.value;
    return hold(w, Phase::starting, "two_active",
                "several targets run the service: " + names + "; which one has the true state?",
                w.command("promote", "TARGET --force"));
  }
  const auto home = s.observed.find(w.primary());
  const bool home_stopped = home != s.observed.end() && home->second == SiteState::stopped;
  const TargetId taken = running.size() == 1 ? running.front() : home_stopped ? TargetId() : w.primary();
  if (s.pause && w.cx.act && (taken.empty() || w.target(taken).lease)) return hold_paused(w, taken);
  if (running.size() == 1) return adopt(w, taken, "it runs already");
  auto silent = who_is_not_stopped(w);
  const bool only_home = silent.size() == 1 && silent.front() == w.primary();
  if (w.cx.act && !silent.empty() && !only_home) return hold_unseen(w, silent);
  if (!home_stopped) return adopt(w, taken, "its provider does not answer yet; the primary is taken to run");
  if (!w.cx.act) return adopt(w, w.primary(), "mode is \"observe\": the primary is watched although it does not run");
  begin_start(w, w.primary(), "nothing runs yet", nullptr);
}

/// Before the grant: stopping repeats safely, so the move goes on from its beginning.
void redo_transfer(Work& w) {
  auto& move = *w.s.move;
  if (move.fence == Part::running || (move.fence == Part::done && !move.from.empty())) move.fence = Part::todo;
  if (move.save == Part::running) move.save = Part::todo;
  if (move.prepare != Part::none) move.prepare = Part::todo;
  if (move.from.empty()) move.fence = Part::done;
  w.enter(planned(move) ? Phase::failback : Phase::fence, w.cx.service.limits.fence_timeout);
  advance_transfer(w);
}

/// After the grant: look whether the start had its effect before it is repeated.
void redo_activation(Work& w) {
  w.s.move->start_unknown = true;
  w.enter(Phase::activate, w.target(w.s.move->to).activate_timeout);
  w.effect(Observe{w.s.move->to});
}

bool target_gone(const Work& w) {
  const auto& s = w.s;
  if (!s.active.empty() && w.cx.service.find(s.active) == nullptr) return true;
  return s.move && !s.move->to.empty() && w.cx.service.find(s.move->to) == nullptr;
}

/// The mode is "observe" since this start: the move rests as it is, until it is "act" again.
void rest(Work& w, Phase from) {
  const auto& move = *w.s.move;
  hold(w, from, "observe",
       fmt::format("mode is \"observe\": the {} from {} to {} that was under way rests", to_string(move.kind),
                   move.origin.value, move.to.value),
       "set mode = \"act\" in [orchestrator] and start again");
}

/// Where a move goes on, by where it was; nothing: a plan was being made.
std::optional<Phase> goes_on_at(Phase stored, Phase hold_from) {
  switch (stored == Phase::hold ? hold_from : stored) {
    case Phase::revoke:
    case Phase::fence:
    case Phase::failback:
    case Phase::gate: return Phase::fence;
    case Phase::grant:
    case Phase::activate:
    case Phase::verify: return Phase::activate;
    default: return std::nullopt;
  }
}

/// Before a grant, whoever may run is watched on: it may serve again before it is stopped.
void watch_on(Work& w) {
  if (w.s.running) w.effect(Watch{w.s.active, Watch::Mode::serving});
}

void resume_move(Work& w, Phase stored) {
  if (const auto at = goes_on_at(stored, w.s.hold_from)) {
    if (!w.cx.act) return rest(w, *at);
    if (*at == Phase::activate) return redo_activation(w);
    watch_on(w);
    return redo_transfer(w);
  }
  if (stored == Phase::hold) return ask_plan(w);
  // A plan was being made: a move that has stopped its origin goes on, one that has not is forgotten.
  if (w.s.running && w.s.move->from == w.s.move->origin && w.s.move->fence != Part::done) {
    end_move(w, "cancelled");
    return become_active(w, w.s.active, true);
  }
  watch_on(w);
  ask_plan(w);
}

/// Without a move: also after one that was dropped since a target of it had left the file. Its origin goes on, under an
/// epoch that is not ended; who was stopped, or has failed to start, is left.
void resume_resting(Work& w) {
  if (!w.s.running) return w.s.pause ? hold_before_plan(w) : ask_plan(w);
  if (w.s.revoked) grant_in_place(w, w.s.active, "", "the move from it was given up: its target had left the file");
  if (!w.s.pause) return become_active(w, w.s.active, true);
  w.effect(Watch{w.s.active, Watch::Mode::serving, w.target(w.s.active).lease});
  w.enter(Phase::paused);
}

/// A pause ends by the wall clock, whatever the phase in which it was given, and however often we were started
/// meanwhile.
void resume_pause(Work& w) {
  const auto& pause = w.s.pause;
  if (!pause) return;
  if (pause->until > w.now.wall) return w.arm(TimerKind::pause, pause->until - w.now.wall);
  end_pause(w, "the pause's end");
}

void hold_target_gone(Work& w) {
  const auto guard = w.s.guards.find(w.s.active);
  const bool ends = w.s.running && guard != w.s.guards.end() && !guard->second.holds_over;
  hold(w, Phase::starting, "target_gone",
       std::string("the active target is no longer in the file") +
           (ends ? ", and its agent, whose lease nobody renews now, ends what runs there" : ""),
       w.command("promote", "TARGET --force"));
}

/// Targets that have left the file: nobody looks at them any more.
void forget_strangers(Work& w) {
  const auto gone = [&](const TargetId& id) { return w.cx.service.find(id) == nullptr; };
  auto& s = w.s;
  const auto many = [&](auto& map) { return std::erase_if(map, [&](const auto& one) { return gone(one.first); }); };
  const auto dropped = many(s.intruders) + many(s.failed) + std::erase_if(s.unsaved, gone) + std::erase_if(s.ran, gone);
  if (dropped > 0) w.touch();
}

}  // namespace

std::set<TargetId> who_runs(const State& s) {
  std::set<TargetId> out;
  for (const auto& [target, state] : s.observed) {
    if (state == SiteState::active || state == SiteState::starting) out.insert(target);
  }
  return out;
}

std::vector<TargetId> who_is_not_stopped(const Work& w) {
  std::vector<TargetId> out;
  for (const auto& t : w.cx.service.targets) {
    const auto seen = w.s.observed.find(t.id);
    if (seen == w.s.observed.end() || seen->second != SiteState::stopped) out.push_back(t.id);
  }
  return out;
}

void observe_all(Work& w) {
  for (const auto& t : w.cx.service.targets) w.effect(Observe{t.id});
}

void find_out_again(Work& w) {
  auto& s = w.s;
  if (target_gone(w)) return hold_target_gone(w);
  remember_who_runs(s);
  s.observed.clear();
  w.enter(Phase::starting, w.cx.service.limits.plan_timeout);
  observe_all(w);
}

void on_started(Work& w, const Started& started) {
  auto& s = w.s;
  forget_strangers(w);
  const Phase stored = s.phase;
  // Which of two has the true state, and what runs where nobody answers, is not answered by a start.
  const bool asked =
      stored == Phase::hold && s.hold_from == Phase::starting && s.blocked && s.blocked->by != "target_gone";
  w.unblock();  // what still blocks is told anew, with its reminders
  s.phase = Phase::starting;
  s.since = w.now.wall;
  s.observed.clear();
  s.seen.clear();  // by the checks of the file as it was; and who is home now may be another one
  s.home_ok_since.reset();
  for (const auto& [target, guard] : s.guards) s.renewed[target] = w.now.mono;  // perhaps just before we ended
  resume_pause(w);
  observe_all(w);
  if (!started.fresh && target_gone(w)) {
    s.move.reset();
    return hold_target_gone(w);
  }
  const bool unknown = stored == Phase::starting || asked || s.active.empty();
  if (started.fresh || (unknown && !s.move)) return w.enter(Phase::starting, w.cx.service.limits.plan_timeout);
  w.note("resumed", Severity::info, s.active,
         "the orchestrator was started again in phase " + std::string(to_string(stored)));
  if (s.move) return resume_move(w, stored);
  resume_resting(w);
}

void starting_observed(Work& w, const Observed& seen) {
  if (seen.epoch && *seen.epoch > w.s.epoch) w.s.epoch = *seen.epoch;
  if (w.s.observed.size() == w.cx.service.targets.size()) decide_fresh(w);
}

void starting_timeout(Work& w) { decide_fresh(w); }

}  // namespace understudy::failover
