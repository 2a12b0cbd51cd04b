// What a person may ask, in each phase.
#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

using sdk::Status;

[[nodiscard]] bool before_any_effect(const Work& w) {
  return (w.s.phase == Phase::active || w.s.phase == Phase::suspect || w.s.phase == Phase::plan) && !w.s.move;
}

/// Two sites ran at the start, or a move is stuck: a person takes the responsibility.
bool push_through_hold(Work& w, const Command& command) {
  auto& s = w.s;
  if (!s.move) return false;
  auto& move = *s.move;
  const bool fencing = s.phase == Phase::fence || s.phase == Phase::failback ||
                       (s.phase == Phase::hold && (s.hold_from == Phase::fence || s.hold_from == Phase::failback));
  const bool gated = s.phase == Phase::hold && s.hold_from == Phase::gate;
  if (!fencing && !gated) return false;
  if (!(fencing && command.force) && !command.accept_loss) return false;
  move.who = command.who;
  move.accept_loss = move.accept_loss || command.accept_loss;
  if (!command.target.empty() && command.target != move.to) retarget(w, command.target);
  if (command.accept_loss && move.prepare != Part::done && !move.saved.empty()) {
    move.saved = SnapshotId();  // it cannot be brought: the newest that can will do
    if (move.save == Part::done) move.save = Part::failed;
  }
  w.note("forced", Severity::warning, move.to,
         std::string(command.force ? "--force" : "--accept-loss") + " by " + command.who + ": " + command.reason);
  w.accept(command);
  w.unblock();
  if (fencing && command.force) {
    move.forced = true;
    move.fence = Part::done;
    s.running = false;
  }
  if (s.phase == Phase::hold) w.enter(gated ? Phase::fence : s.hold_from, w.cx.service.limits.fence_timeout);
  advance_transfer(w);
  return true;
}

/// Of a failover that has nobody to go to, a person says to whom.
bool choose_candidate(Work& w, const Command& command, const TargetId& to) {
  auto& s = w.s;
  if (s.phase != Phase::plan || !s.move || s.move->voluntary || to.empty()) return false;
  auto& move = *s.move;
  move.who = command.who;
  move.chosen = true;
  move.forced = command.force;
  move.accept_loss = move.accept_loss || command.accept_loss;
  move.to = to;
  ++move.attempt;
  w.note("chosen", Severity::info, to, "chosen by " + command.who + ": " + command.reason);
  w.accept(command);
  w.unblock();
  revoke(w);
  return true;
}

/// Nobody could tell at the start where the service runs: a person does.
void decide_for_them(Work& w, const Command& command, const TargetId& to) {
  const auto seen = w.s.observed.find(to);
  const bool stopped = seen != w.s.observed.end() && seen->second == SiteState::stopped;
  if (const auto running = who_runs(w.s); stopped && !running.empty())
    return w.answer(command, Status::conflict, "runs_elsewhere",
                    running.begin()->value + " runs " + w.cx.service.id.value + ", and " + to.value + " does not",
                    w.command("promote", running.begin()->value + " --force"));
  w.accept(command);
  w.unblock();
  if (stopped) return begin_start(w, to, "said by " + command.who + ": " + command.reason, &command);
  grant_in_place(w, to, command.who, "chosen by " + command.who + ": " + command.reason);
  become_active(w, to);
  observe_all(w);
}

/// Status::ok, or why the move cannot be begun now.
struct Refusal {
  Status status = Status::ok;
  std::string kind, message, hint;
};

[[nodiscard]] Refusal why_not(const Work& w, const Command& command, const TargetId& to) {
  const auto& s = w.s;
  if (command.expect_index && *command.expect_index != s.index) {
    return {Status::conflict, "stale_plan", "the service has changed since the plan was made", "make a new plan"};
  }
  if (!to.empty() && w.cx.service.find(to) == nullptr) {
    return {Status::invalid, "no_such_target", "service " + w.cx.service.id.value + " has no target " + to.value, ""};
  }
  if (!w.cx.act) {
    return {Status::denied, "observe", "mode is \"observe\": nothing is touched", "set mode = \"act\" and reload"};
  }
  if (s.pause) return {Status::conflict, "paused", "paused by " + s.pause->who, w.command("resume")};
  return {};
}

void promote(Work& w, const Command& command, const TargetId& to, MoveKind planned_kind) {
  const auto no = why_not(w, command, to);
  if (no.status != Status::ok) return w.answer(command, no.status, no.kind, no.message, no.hint);
  if (push_through_hold(w, command)) return;
  auto& s = w.s;
  const bool held_at_start = s.phase == Phase::hold && s.hold_from == Phase::starting;
  if (held_at_start && command.force && !to.empty()) return decide_for_them(w, command, to);
  if (choose_candidate(w, command, to)) return;
  if (!before_any_effect(w)) {
    return w.answer(command, Status::conflict, "busy", "a move is under way (" + std::string(to_string(s.phase)) + ")",
                    s.blocked ? s.blocked->unblock : w.command("status"));
  }
  const auto verdict = s.seen[s.active].verdict;
  // After a start nothing is heard yet: what was down then is down.
  const bool well = s.running && verdict != Verdict::down && !(verdict == Verdict::unknown && s.outage_since);
  if (to == s.active && s.running && verdict != Verdict::down) {
    return w.answer(command, Status::conflict, "already_active", to.value + " is active already", "");
  }
  if (s.blocked) w.unblock();
  if (well) {
    begin_move(w, planned_kind, to, command.reason.empty() ? "asked by " + command.who : command.reason, &command);
    return w.accept(command);
  }
  if (s.phase != Phase::plan) w.enter(Phase::plan);
  begin_failover(w, command.reason.empty() ? "asked by " + command.who : command.reason);
  auto& move = *s.move;
  move.who = command.who;
  move.forced = command.force;
  move.accept_loss = command.accept_loss;
  w.accept(command);
  if (to.empty()) return ask_plan(w);
  move.chosen = true;
  move.to = to;
  move.attempt = 1;
  revoke(w);
}

void pause(Work& w, const Command& command) {
  auto& s = w.s;
  s.pause = Pause{w.now.wall + command.pause_for, command.who, command.reason};
  w.tell("paused", Severity::warning, AlertState::firing, {}, w.cx.service.id.value + " is paused by " + command.who,
         command.reason);
  w.arm(TimerKind::pause, command.pause_for);
  if (before_any_effect(w)) {
    w.unblock();  // the pause is what keeps it from moving now
    s.running ? w.enter(Phase::paused) : hold_before_plan(w);
  }
  w.accept(command);
}

}  // namespace

void hold_before_plan(Work& w) {
  hold(w, Phase::plan, "paused", "nobody serves, and it is paused by " + w.s.pause->who, w.command("resume"));
}

void end_pause(Work& w, const std::string& who) {
  w.s.pause.reset();
  w.disarm(TimerKind::pause);
  w.tell("paused", Severity::info, AlertState::resolved, {}, w.cx.service.id.value + " is no longer paused",
         "by " + who);
}

void resume_now(Work& w, const std::string& who, bool by_person) {
  auto& s = w.s;
  if (s.pause) end_pause(w, who);
  if (s.phase == Phase::paused) {
    w.enter(Phase::active);
    rise_above_store(w);
    return look_again(w);
  }
  if (s.phase != Phase::hold || (s.move && !w.cx.act)) return;
  // Which of two has the true state, and what runs where the file does not look, is a person's to say, not the clock's.
  const bool asks_a_person = s.hold_from == Phase::starting && s.blocked && s.blocked->by != "paused";
  if (asks_a_person && !by_person) return;
  w.unblock();
  if (s.hold_from == Phase::gate) {
    w.enter(Phase::gate);
    return pass_gate(w);
  }
  if (s.hold_from == Phase::plan) {
    if (by_person) s.failovers.clear();  // the end of a wait allows as many as are past the window, and no more
    w.enter(Phase::plan);
    return ask_plan(w);
  }
  if (!s.move) return find_out_again(w);
  w.enter(s.hold_from, w.cx.service.limits.fence_timeout);
  advance_transfer(w);
}

void on_command(Work& w, const Command& command) {
  switch (command.what) {
    case Command::What::promote: return promote(w, command, command.target, MoveKind::switchover);
    case Command::What::failback:
      if (w.s.active == w.primary() && w.s.running && !w.s.move) {
        return w.answer(command, Status::conflict, "already_active", w.primary().value + " is active already", "");
      }
      return promote(w, command, w.primary(), MoveKind::failback);
    case Command::What::pause: return pause(w, command);
    case Command::What::resume:
      if (!w.s.pause && w.s.phase != Phase::hold) {
        return w.answer(command, Status::conflict, "not_paused", w.cx.service.id.value + " is neither paused nor held",
                        "");
      }
      if (!w.s.pause && w.s.move && !w.cx.act)
        return w.answer(command, Status::denied, "observe", "mode is \"observe\": nothing is touched",
                        w.s.blocked ? w.s.blocked->unblock : "");
      w.accept(command);
      return resume_now(w, command.who, true);
  }
}

}  // namespace understudy::failover
