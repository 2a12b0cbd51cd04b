// REVOKE, FENCE, FAILBACK and GATE: stopping one target and bringing its state to the next. Up to the gate a planned
// move can still be taken back.
#include <fmt/format.h>

#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

constexpr int prepare_tries = 3;  // of a planned move, and of one that a person wants without a state if need be

[[nodiscard]] bool needs_state(const Work& w, const Move& move) {
  return w.has_state() && move.kind != MoveKind::start && move.to != w.s.data_at;
}

void start_fence(Work& w, Move& move) {
  const auto op = w.operation("fence");
  w.record(Intent{op, "fence", move.from, w.s.epoch});
  w.effect(Fence{op, move.from, w.s.epoch});
  move.fence = Part::running;
  move.fence_operation = op;
  await_lease_end(w);
}

void start_save(Work& w, Move& move) {
  const auto op = w.operation("save");
  w.record(Intent{op, "save", move.origin, w.s.epoch});
  w.effect(Save{op, move.origin, w.s.epoch});
  move.save = Part::running;
  move.save_operation = op;
}

void start_prepare(Work& w, Move& move) {
  const auto op = w.operation("prepare");
  w.record(Intent{op, "prepare", move.to, w.s.epoch});
  move.sealing = move.fence == Part::done;
  w.effect(Prepare{op, move.to, move.saved, move.sealing ? std::optional(next_epoch(w)) : std::nullopt,
                   move.brought_to == move.to ? move.snapshot : SnapshotId()});
  move.brought_to = TargetId();
  move.prepare = Part::running;
  move.prepare_operation = op;
}

void intruder_fenced(Work& w, const Fenced& done) {
  w.record(Outcome{done.operation, done.stopped ? "ok" : "unknown", done.detail});
  if (done.stopped && w.s.intruders.erase(done.target) > 0) {
    w.tell("second.site", Severity::info, AlertState::resolved, done.target, done.target.value + " is stopped",
           done.detail);
  }
}

/// Neither a stop nor a lease: the file says what is done then.
void unfenceable(Work& w, const Fenced& done) {
  auto& move = *w.s.move;
  move.fence = Part::todo;
  if (regrant_if_well(w)) return;  // it came back during the attempt, and nobody will say so again
  if (w.cx.service.on_unfenceable == config::Unfenceable::promote) {
    w.tell("fence.skipped", Severity::critical, AlertState::event, done.target,
           done.target.value + " cannot be stopped from here, and on_unfenceable = \"promote\": it may still run",
           done.detail);
    return fence_confirmed(w, "not confirmed; on_unfenceable = \"promote\"");
  }
  hold(w, w.s.phase == Phase::hold ? w.s.hold_from : w.s.phase, "unfenceable",
       done.target.value + " offers neither a stop nor a lease: " + done.detail,
       w.command("promote", move.to.value + " --force"));
}

/// A person has said that no state will do.
void go_on_without_state(Work& w) {
  auto& move = *w.s.move;
  move.prepare = Part::failed;
  move.snapshot = SnapshotId();
  w.note("state.given_up", Severity::warning, move.to,
         "no state can be brought; " + move.to.value + " starts with what is there, as " + move.who + " has accepted");
  if (w.s.blocked && w.s.blocked->by == "state") w.unblock();
  advance_transfer(w);
}

/// What a retry or the end of a wait asks for, in the phases of this file. Who came back during the last attempt is not
/// stopped by the next.
void retry_parts(Work& w) {
  if (w.s.move && !regrant_if_well(w)) advance_transfer(w);
}

/// One attempt that fails may be a hiccup; after the second, people are told, and not only when the phase's time is up.
constexpr int unconfirmed_stops_before_telling = 2;

struct FenceBlock {
  std::string text, unblock_with;
};

FenceBlock fence_block(const Work& w) {
  const auto& move = *w.s.move;
  return {move.from.value + " cannot be confirmed stopped; attempts go on",
          w.command("promote", move.to.value + " --force")};
}

/// Who is seen well during the attempt may have been stopped by it: the next look tells.
void try_fence_again(Work& w) {
  const auto& detect = w.cx.service.detect;
  const auto seen = w.s.seen.find(w.s.move->from);
  const bool well = seen != w.s.seen.end() && seen->second.verdict == Verdict::up && !seen->second.failing;
  w.arm(TimerKind::retry, std::max(w.backoff(), well ? detect.interval + detect.timeout : Millis(0)));
}

void fence_timed_out(Work& w) {
  const auto& move = *w.s.move;
  if (move.fence != Part::done) {
    const auto block = fence_block(w);
    hold(w, w.s.phase, "fence", block.text, block.unblock_with);
    if (w.s.move->fence == Part::todo) try_fence_again(w);
    return;
  }
  if (planned(move)) return roll_back(w, "the state was not brought in time");
  w.block("state", "the state cannot be brought to " + move.to.value + "; attempts go on",
          w.command("promote", move.to.value + " --accept-loss"));
  w.arm(TimerKind::phase, w.cx.service.limits.fence_timeout);
}

}  // namespace

void fence_ended(Work& w, const std::string& detail) {
  auto& s = w.s;
  auto& move = *s.move;
  move.fence = Part::done;
  s.running = false;
  w.note("fence.confirmed", Severity::info, move.from, move.from.value + " is stopped: " + detail);
  w.disarm(TimerKind::lease);
  if (s.blocked && (s.blocked->by == "fence" || s.blocked->by == "unfenceable")) w.unblock();
  if (s.phase == Phase::hold && (s.hold_from == Phase::fence || s.hold_from == Phase::failback)) {
    w.enter(s.hold_from, w.cx.service.limits.fence_timeout);
  }
}

void fence_confirmed(Work& w, const std::string& detail) {
  fence_ended(w, detail);
  advance_transfer(w);
}

/// It stopped, and could not save what it did last. A planned move goes back to it; a failover takes what is saved.
void stopped_unsaved(Work& w, const Fenced& done) {
  if (!planned(*w.s.move) || w.s.move->accept_loss) return fence_confirmed(w, done.detail);
  fence_ended(w, done.detail);
  roll_back(w, "its last state could not be saved: " + done.detail);
}

void begin_failover(Work& w, std::string reason) {
  auto& s = w.s;
  Move move;
  move.id = s.index + 1;
  move.kind = MoveKind::failover;
  move.origin = move.from = s.active;
  move.reason = std::move(reason);
  move.started = Since(w.now);
  s.failovers.push_back(w.now.wall);
  s.move = std::move(move);
  w.tell("failover.started", Severity::critical, AlertState::event, s.active,
         "failover of " + w.cx.service.id.value + " from " + s.active.value, s.move->reason);
}

void begin_move(Work& w, MoveKind kind, const TargetId& to, std::string reason, const Command* by) {
  auto& s = w.s;
  Move move;
  move.id = s.index + 1;
  move.kind = kind;
  // One that has left the file can be neither stopped nor asked to save.
  if (kind != MoveKind::start && w.cx.service.find(s.active) != nullptr) move.origin = move.from = s.active;
  move.to = to;
  move.reason = std::move(reason);
  move.started = Since(w.now);
  move.voluntary = true;
  if (by != nullptr) {
    move.who = by->who;
    move.chosen = !by->target.empty();
    move.forced = by->force;
    move.accept_loss = by->accept_loss;
  }
  s.move = std::move(move);
  w.tell(
      std::string(to_string(kind)) + ".started", Severity::info, AlertState::event, to,
      fmt::format("{} of {} to {}", to_string(kind), w.cx.service.id.value, to.empty() ? "the best standby" : to.value),
      s.move->reason);
  if (s.phase != Phase::plan) w.enter(Phase::plan);
  if (to.empty()) return ask_plan(w);
  s.move->attempt = 1;
  revoke(w);
}

void begin_start(Work& w, const TargetId& to, std::string reason, const Command* by) {
  auto& s = w.s;
  const bool home_ran_last = s.data_at.empty() || s.data_at == w.primary();
  const bool own_copy = (to == w.primary() && home_ran_last) || !w.has_state() || (by != nullptr && by->accept_loss);
  if (own_copy) s.data_at = to;
  begin_move(w, own_copy ? MoveKind::start : MoveKind::failover, to, std::move(reason), by);
}

void revoke(Work& w) {
  auto& s = w.s;
  auto& move = *s.move;
  const bool first = move.from == move.origin && move.kind != MoveKind::rollback;
  w.enter(Phase::revoke);
  s.revoked = true;
  move.sealed = false;
  move.prepare_failures = 0;
  if (!move.from.empty() && move.fence != Part::done) {
    w.note("revoke", Severity::info, move.from, fmt::format("epoch {} of {} is ended", s.epoch.value, move.from.value));
  }
  if (move.from.empty()) move.fence = Part::done;
  if (move.fence != Part::done) move.fence = Part::todo;
  const bool may_save = planned(move) || (w.has_state() && w.cx.service.state->save_on_failover);
  if (first && move.save == Part::none && may_save && w.keeps_paths(move.origin) && move.to != move.origin &&
      s.data_at == move.origin) {
    move.save = Part::todo;
  }
  move.prepare = needs_state(w, move) ? Part::todo : Part::none;
  w.enter(planned(move) ? Phase::failback : Phase::fence, w.cx.service.limits.fence_timeout);
  advance_transfer(w);
}

void retarget(Work& w, const TargetId& to) {
  auto& move = *w.s.move;
  move.to = to;
  move.prepare = needs_state(w, move) ? Part::todo : Part::none;  // an answer that is still to come is the former's
}

void advance_transfer(Work& w) {
  auto& move = *w.s.move;
  if (move.fence == Part::todo) start_fence(w, move);
  if (move.fence != Part::done) {
    // A failover cannot lose what is already saved: bring that while the old site is being stopped. But a site that
    // keeps its state itself may save once more when it is stopped (an agent does), and that is then the newest.
    const bool saves_itself = !w.keeps_paths(move.from);
    if (!planned(move) && !saves_itself && move.prepare == Part::todo) start_prepare(w, move);
    return;
  }
  if (move.save == Part::todo) return start_save(w, move);
  if (move.save == Part::running || move.prepare == Part::running) return;
  if (move.save == Part::done && move.prepare == Part::done && move.snapshot != move.saved) move.prepare = Part::todo;
  // What was brought beside the stop may not be the newest any more: asked again, when nothing older can come after it.
  if (move.prepare == Part::done && !move.sealed) move.prepare = Part::todo;
  if (move.prepare == Part::todo) return start_prepare(w, move);
  if (w.s.phase == Phase::hold) return;
  w.enter(Phase::gate);
  pass_gate(w);
}

void on_fenced(Work& w, const Fenced& done) {
  auto& s = w.s;
  const bool ours = s.move && s.move->fence == Part::running && done.operation == s.move->fence_operation;
  if (!ours) return intruder_fenced(w, done);
  const bool stopped = done.stopped && !by_another_agent(w, done);
  w.record(Outcome{done.operation, stopped ? "ok" : "unknown", done.detail});
  if (const auto guard = s.guards.find(done.target); stopped && guard != s.guards.end()) guard->second.ended = true;
  if (stopped) return done.unsaved ? stopped_unsaved(w, done) : fence_confirmed(w, done.detail);
  if (s.move->forced) {
    w.note("fence.forced", Severity::warning, done.target,
           done.target.value + " is not confirmed stopped (" + done.detail + "); forced by " + s.move->who);
    return fence_confirmed(w, "not confirmed; forced");
  }
  if (done.impossible && !s.move->lease_over) return unfenceable(w, done);
  s.move->fence = Part::todo;
  w.note("fence.unconfirmed", Severity::warning, done.target,
         done.target.value + " is not confirmed stopped: " +
             (done.stopped ? "another agent answered than the one that holds its lease" : done.detail));
  try_fence_again(w);
  if (s.move->lease_over && w.now.mono >= *s.move->lease_over) return on_lease_over(w);
  if (s.retries < unconfirmed_stops_before_telling || s.move->lease_over) return;
  const auto block = fence_block(w);
  w.block("fence", block.text, block.unblock_with);
}

void on_saved(Work& w, const Saved& done) {
  auto& s = w.s;
  w.record(Outcome{done.operation, done.ok ? "ok" : "failed", done.detail});
  if (!s.move || s.move->save != Part::running || done.operation != s.move->save_operation) return;
  auto& move = *s.move;
  if (done.ok) {
    move.save = Part::done;
    move.saved = done.snapshot.id;
    w.note("state.saved", Severity::info, move.origin,
           fmt::format("{}: {} files, {} bytes", done.snapshot.id.value, done.snapshot.files, done.snapshot.bytes));
    return advance_transfer(w);
  }
  move.save = Part::failed;
  w.note("state.not_saved", Severity::warning, move.origin,
         "what " + move.origin.value + " left could not be saved: " + done.detail);
  if (planned(move)) return roll_back(w, "its last state could not be saved: " + done.detail);
  advance_transfer(w);
}

void on_prepared(Work& w, const Prepared& done) {
  auto& s = w.s;
  w.record(Outcome{done.operation, done.ok ? "ok" : "failed", done.detail});
  if (!s.move || s.move->prepare != Part::running || done.operation != s.move->prepare_operation) return;
  auto& move = *s.move;
  if (done.ok) {
    move.prepare = Part::done;
    move.snapshot = done.snapshot.id;
    move.snapshot_created = done.snapshot.created;
    move.brought_to = move.to;
    move.sealed = move.sealed || move.sealing;
    if (s.blocked && s.blocked->by == "state") w.unblock();
    return advance_transfer(w);
  }
  move.prepare = Part::todo;
  w.note("state.not_brought", Severity::warning, move.to,
         "the state was not brought to " + move.to.value + ": " + done.detail);
  if (move.sealing && ++move.prepare_failures >= prepare_tries) {
    if (planned(move)) return roll_back(w, "the state could not be brought to " + move.to.value + ": " + done.detail);
    if (move.accept_loss) return go_on_without_state(w);
  }
  w.arm(TimerKind::retry, w.backoff());
}

void on_phase_timer(Work& w, const TimerFired& fired) {
  const bool timeout = fired.kind == TimerKind::phase;
  switch (w.s.phase) {
    case Phase::starting: return starting_timeout(w);
    case Phase::active: return w.effect(Observe{w.s.active});
    case Phase::suspect: return w.enter(Phase::active);
    case Phase::plan:
      if (timeout) (void)w.backoff();
      return ask_plan(w);
    case Phase::fence:
    case Phase::failback: return timeout ? fence_timed_out(w) : retry_parts(w);
    case Phase::activate:
      if (timeout) return candidate_failed(w, "not started in time", true);
      return w.effect(Observe{w.s.move->to});
    case Phase::verify: {
      const bool degraded = w.s.seen[w.s.move->to].verdict == Verdict::degraded;
      if (!timeout) return degraded ? verify_degraded(w) : void();
      return degraded ? verified(w) : candidate_failed(w, "not healthy in time", true);
    }
    case Phase::hold:
      if (timeout && w.s.pause) return;  // a person's pause is theirs to end; its end goes on from here
      if (timeout) return resume_now(w, "the limit's window");
      return retry_parts(w);
    default: return;
  }
}

void hold(Work& w, Phase from, const std::string& by, const std::string& text, const std::string& unblock_with) {
  w.s.hold_from = from;
  w.enter(Phase::hold);
  w.block(by, text, unblock_with);
}

void pass_gate(Work& w) {
  auto& s = w.s;
  const auto& move = *s.move;
  if (s.pause) {
    return hold(w, Phase::gate, "paused", "paused by " + s.pause->who + " in the middle of a move; nobody serves",
                w.command("resume"));
  }
  if (needs_state(w, move) && !move.accept_loss) {
    if (move.snapshot.empty()) {
      return hold(w, Phase::gate, "no_snapshot", "there is no snapshot to start from",
                  w.command("promote", move.to.value + " --accept-loss"));
    }
    const auto age = w.now.wall - move.snapshot_created;
    const auto& max_age = w.cx.service.state->max_age;
    if (max_age && age > *max_age) {
      return hold(w, Phase::gate, "state_too_old",
                  fmt::format("the newest snapshot {} is {} s old, more than max_age ({} s)", move.snapshot.value,
                              age.count() / 1000, max_age->count() / 1000),
                  w.command("promote", move.to.value + " --accept-loss"));
    }
  }
  grant(w);
}

void roll_back(Work& w, const std::string& why) {
  auto& s = w.s;
  auto& move = *s.move;
  w.tell(std::string(to_string(move.kind)) + ".failed", Severity::warning, AlertState::event, move.to,
         fmt::format("{} of {} to {} failed; going back to {}", to_string(move.kind), w.cx.service.id.value,
                     move.to.value, move.origin.value),
         why);
  if (move.kind == MoveKind::failback) ++s.failback_failures;
  move.kind = MoveKind::rollback;
  move.reason = why;
  move.to = move.origin;
  move.save = move.prepare = Part::none;
  ++move.attempt;
  if (s.phase != Phase::plan && s.phase != Phase::activate && s.phase != Phase::verify) w.enter(Phase::plan);
  revoke(w);
}

}  // namespace understudy::failover
