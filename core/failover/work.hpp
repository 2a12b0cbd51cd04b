// Internal to this room: one step in progress. Collects records and effects; the handlers below change the state
// through it. Not for other rooms.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/failover/machine.hpp"

namespace understudy::failover {

class Work {
 public:
  Work(const Context& context, State initial, const Now& at)
      : cx(context), now(at), s(std::move(initial)), before_index_(s.index) {}

  const Context& cx;
  const Now now;
  State s;

  void record(Record r) { records_.push_back(std::move(r)); }
  void effect(Effect e) { effects_.push_back(std::move(e)); }
  /// The state must be stored although nothing is recorded.
  void touch() { store_ = true; }

  /// Enters a phase that the table allows after the present one, and arms its timeout (0: none).
  void enter(Phase phase, Millis timeout = Millis(0));
  void arm(TimerKind kind, Millis after);
  void disarm(TimerKind kind);
  [[nodiscard]] bool current(const TimerFired& fired) const;

  void note(std::string kind, Severity severity, const TargetId& target, std::string text);
  /// Notes and tells people.
  void tell(std::string kind, Severity severity, AlertState state, const TargetId& target, std::string title,
            std::string text);
  /// Blocks: shown by status with its unblocking command, told at once and again every `remind_every`.
  void block(const std::string& by, const std::string& text, const std::string& unblock,
             Severity severity = Severity::critical);
  void unblock();
  void answer(const Command& command, sdk::Status status, std::string kind, std::string message, std::string hint = {});
  void accept(const Command& command);

  [[nodiscard]] std::string operation(std::string_view what);
  /// Exponential backoff with jitter for the next retry of this step; counts it.
  [[nodiscard]] Millis backoff();
  [[nodiscard]] const config::Target& target(const TargetId& id) const;
  [[nodiscard]] bool has_state() const { return cx.service.state.has_value(); }
  [[nodiscard]] bool keeps_paths(const TargetId& id) const;
  [[nodiscard]] const TargetId& primary() const { return cx.service.primary; }
  [[nodiscard]] std::string command(std::string_view verb, std::string_view rest = {}) const;

  [[nodiscard]] Step finish() &&;

 private:
  std::vector<Record> records_;
  std::vector<Effect> effects_;
  bool store_ = false;
  std::uint64_t before_index_;
};

// ---- watching.cpp: active, suspect, plan, paused ---------------------------------------------------------------
/// `just_started`: we, not the service; it may have ended what it ran while nobody renewed its lease.
void become_active(Work& w, const TargetId& target, bool just_started = false);
/// It is not as well as it looked.
void failed_again(Work& w, const TargetId& target);
/// The old site serves again, no attempt to stop it is under way and nobody else was granted anything: it may stay,
/// under an epoch of its own, since the former one is ended. False: that is not how it is, and nothing is done.
bool regrant_if_well(Work& w);
void on_health(Work& w, const HealthSeen& seen);
void on_observed(Work& w, const Observed& seen);
void on_plan(Work& w, const PlanMade& made);
void ask_plan(Work& w);
/// A grant above every epoch that the store has, when the present one is not.
void rise_above_store(Work& w);
/// What the present holder's health asks for, after a pause or an abandoned move.
void look_again(Work& w);
void consider_failback(Work& w);
void on_watch_timer(Work& w, const TimerFired& fired);

// ---- moving.cpp: revoke, fence, failback, gate -----------------------------------------------------------------
void begin_failover(Work& w, std::string reason);
void begin_move(Work& w, MoveKind kind, const TargetId& to, std::string reason, const Command* by);
/// Nobody runs it: `to` is started. Home has a copy of its own, unless another one ran later; all else needs what was
/// saved, unless a person accepts the loss.
void begin_start(Work& w, const TargetId& to, std::string reason, const Command* by);
/// Ends the holder's epoch and begins to stop `move.from` and to bring the state to `move.to`.
void revoke(Work& w);
/// The move that is under way goes to `to` instead.
void retarget(Work& w, const TargetId& to);
/// Emits whatever part of the transfer can go on now; enters GATE when all is done.
void advance_transfer(Work& w);
void on_fenced(Work& w, const Fenced& done);
/// `move.from` is certainly stopped.
void fence_confirmed(Work& w, const std::string& detail);
void on_saved(Work& w, const Saved& done);
void on_prepared(Work& w, const Prepared& done);
/// The timeout or the retry of the present phase, whichever phase that is.
void on_phase_timer(Work& w, const TimerFired& fired);
void pass_gate(Work& w);
/// Waits for a person; resume goes on at `from`.
void hold(Work& w, Phase from, const std::string& by, const std::string& text, const std::string& unblock_with);
/// The origin served when it began, and its last state is to come along.
[[nodiscard]] inline bool planned(const Move& move) {
  return move.kind == MoveKind::switchover || move.kind == MoveKind::failback;
}
/// Gives up a planned move: the origin is started again, with its own state.
void roll_back(Work& w, const std::string& why);

// ---- leases.cpp ------------------------------------------------------------------------------------------------
[[nodiscard]] inline std::optional<Millis> lease_wait(const Work& w, const TargetId& target) {
  return lease_wait(w.cx.service, w.s, target);
}
/// Begins to wait for the end of the lease of `move.from`, once in a move, when that is worth something.
void await_lease_end(Work& w);
void on_lease_asked(Work& w, const LeaseAsked& asked);
void on_lease_over(Work& w);
/// A run was verified: what it showed of its guard is what counts of that target.
void judge_guard(Work& w, const TargetId& target);
/// The site that serves runs the present epoch: its agent must have renewed it, since it may not run without.
void look_for_lease(Work& w, const Observed& seen);
/// A round of the holder's checks that passed was asked after its lease had run out: what runs there was started
/// without one, so the end of a lease proves nothing of it, and its guard is forgotten.
void forget_idle_guard(Work& w, const TargetId& target, const std::optional<Time>& passed);
/// The epoch of a new grant: above every one that was given out before, by us or by whom we have replaced.
[[nodiscard]] Epoch next_epoch(const Work& w);
/// `target` runs already and goes on, under a new epoch; an agent with a lease is told it.
void grant_in_place(Work& w, const TargetId& target, const std::string& who, const std::string& why);
/// The agent's answer to that.
void epoch_told(Work& w, const Activated& done);
/// It runs with an older epoch, whose renewals are refused: it did not hear.
void maybe_tell_epoch_again(Work& w, const Observed& seen);
/// The stop was confirmed by another agent than the one that holds the lease, and says nothing of that one.
[[nodiscard]] bool by_another_agent(const Work& w, const Fenced& done);

// ---- activating.cpp: grant, activate, verify -------------------------------------------------------------------
void grant(Work& w);
void call_activate(Work& w);
void on_activated(Work& w, const Activated& done);
void activation_observed(Work& w, const Observed& seen);
void verified(Work& w);
void verify_degraded(Work& w);
void candidate_failed(Work& w, const std::string& why, bool may_run);
void end_move(Work& w, std::string result);

// ---- commands.cpp, recovery.cpp --------------------------------------------------------------------------------
void on_command(Work& w, const Command& command);
/// Nobody serves, and a pause keeps anybody from being planned for.
void hold_before_plan(Work& w);
void end_pause(Work& w, const std::string& who);
void resume_now(Work& w, const std::string& who, bool by_person = false);
void on_started(Work& w, const Started& started);
void on_store_seen(Work& w, const StoreSeen& seen);
void observe_all(Work& w);
/// As far as is seen.
[[nodiscard]] std::set<TargetId> who_runs(const State& s);
[[nodiscard]] std::vector<TargetId> who_is_not_stopped(const Work& w);
/// A hold from before anything ran is over: looks again at what runs where.
void find_out_again(Work& w);
void starting_observed(Work& w, const Observed& seen);
void starting_timeout(Work& w);

}  // namespace understudy::failover
