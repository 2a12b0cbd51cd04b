#include "tests/sim/mutations.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace understudy::sim {
namespace {

using namespace failover;
using enum Mutation;

constexpr std::array rows{
    MutationRow{drop_fence, "drop_fence", "I3 I1", "the old site is taken as stopped without being asked"},
    MutationRow{late_answer_counts, "late_answer_counts", "I3 I1",
                "an answer to an earlier stop is taken for one to the present stop"},
    MutationRow{unknown_is_no_effect, "unknown_is_no_effect", "I3 I1",
                "a start whose outcome nobody knows is taken for one that did nothing"},
    MutationRow{force_stays, "force_stays", "I3",
                "a person's --force counts for those that fail later in the move, too"},
    MutationRow{epoch_not_raised, "epoch_not_raised", "I2", "the epoch of a grant is the former one again"},
    MutationRow{older_epoch_started, "older_epoch_started", "I2", "the next site is started with the former's epoch"},
    MutationRow{old_state_restored, "old_state_restored", "I3 I1 I2 I8 I9 I10 I11 needless liveness I6",
                "after a crash an older state of the journal is taken"},
    MutationRow{act_before_journal, "act_before_journal", "I9", "effects are performed before the records are stored"},
    MutationRow{full_disk_ignored, "full_disk_ignored", "I9", "a step that could not be stored is taken all the same"},
    MutationRow{intruder_left, "intruder_left", "I7 liveness", "who comes back is told, but not stopped"},
    MutationRow{pause_ignored, "pause_ignored", "I10 I8 liveness", "a pause is accepted and forgotten"},
    MutationRow{observe_acts, "observe_acts", "I10", "mode = \"observe\" is ignored"},
    MutationRow{limit_ignored, "limit_ignored", "I11", "failovers are not bounded"},
    MutationRow{limit_forgotten, "limit_forgotten", "I11", "whatever a person says, failovers are counted anew"},
    MutationRow{hold_not_told, "hold_not_told", "I12", "nobody is told that a service is blocked"},
    MutationRow{reminder_not_told, "reminder_not_told", "I12",
                "people are told once that a service is blocked, and never again"},
    MutationRow{reminds_in_hold_only, "reminds_in_hold_only", "I12",
                "people are told once that a service is blocked in another phase than HOLD"},
    MutationRow{canary_ignored, "canary_ignored", "needless", "failures count although our own network does not work"},
    MutationRow{stale_verdicts, "stale_verdicts", "needless",
                "a verdict that waits for a full disk counts although a newer one has come"},
    MutationRow{unknown_is_fail, "unknown_is_fail", "needless", "a check that cannot tell counts as one that failed"},
    MutationRow{interval_stays, "interval_stays", "worst_case",
                "a target that fails is checked no more often than one that is well"},
    MutationRow{alert_dropped, "alert_dropped", "I8", "an alert that could not be delivered at once is forgotten"},
    MutationRow{refused_dropped, "refused_dropped", "I8",
                "an alert that its notifier refuses for good is forgotten, although nobody else has told it"},
    MutationRow{alerts_overtake, "alerts_overtake", "I8", "an end is told while its beginning still waits"},
    MutationRow{outbox_in_memory, "outbox_in_memory", "I8", "alerts that wait do not survive a crash"},
    MutationRow{age_ignored, "age_ignored", "I6", "max_age is not looked at"},
    MutationRow{older_snapshot, "older_snapshot", "I6", "the next site starts from the snapshot before the newest"},
    MutationRow{snapshot_not_stored, "snapshot_not_stored", "I4", "the store acknowledges what it has not stored"},
    MutationRow{store_takes_old, "store_takes_old", "I5", "the store accepts a snapshot of an older epoch"},
    MutationRow{store_not_sealed, "store_not_sealed", "I5",
                "the store learns of a new epoch from its first snapshot only"},
    MutationRow{data_at_forgotten, "data_at_forgotten", "I6",
                "who serves after a move that was cancelled is not known to have the newest state"},
    MutationRow{halved_wait, "halved_wait", "I3 I1", "W is half as long"},
    MutationRow{kill_forgotten, "kill_forgotten", "I3 I1", "W leaves out the time that a kill takes"},
    MutationRow{rate_forgotten, "rate_forgotten", "I3 I1", "W takes all clocks for right"},
    MutationRow{wait_not_restarted, "wait_not_restarted", "I3 I1",
                "after a crash a lease's end is no longer waited for"},
    MutationRow{holds_over_ignored, "holds_over_ignored", "I1 I3",
                "W is taken for proof also of a guard that goes on without a lease"},
    MutationRow{judge_grants, "judge_grants", "I1", "every renewal is granted"},
    MutationRow{revoked_forgotten, "revoked_forgotten", "I1 I3", "a revoked epoch can be renewed"},
    MutationRow{deadline_from_answer, "deadline_from_answer", "I1", "a guard's deadline counts from the answer"},
    MutationRow{late_answer_revives, "late_answer_revives", "I1", "an answer that comes after its own deadline counts"},
    MutationRow{no_watchdog, "no_watchdog", "I1", "nobody ends the workload of a frozen guard"},
    MutationRow{returned_guard_runs, "returned_guard_runs", "I1 I7",
                "a guard whose host comes back starts the workload without asking"},
    MutationRow{timeouts_lost, "timeouts_lost", "liveness", "what waits has no end"},
    MutationRow{always_holds, "always_holds", "liveness", "a person is asked before each failover"},
    MutationRow{hold_never_retries, "hold_never_retries", "liveness", "what is to be tried again in HOLD is not"},
    MutationRow{limit_sticks, "limit_sticks", "liveness",
                "failovers that were too many stay too many when the window is over"},
    MutationRow{transition_missing, "transition_missing", "machine",
                "a phase is entered that the table does not allow: the machine throws"},
    MutationRow{asks_without_end, "asks_without_end", "machine", "a plan that names nobody is asked for again at once"},
};

template <class Pred>
void drop(Step& step, Pred pred) {
  std::erase_if(step.effects, pred);
}

bool tells_block(const Effect& e) {
  const auto* tell = std::get_if<Tell>(&e);
  return tell != nullptr && tell->alert.kind == "blocked" && tell->alert.state == AlertState::firing;
}

bool is_intruder_fence(const Fence& fence) { return fence.operation.find("fence-intruder") != std::string::npos; }

Step without_fence(const Context& context, Step step, const Now& now) {
  const auto at = std::ranges::find_if(step.effects, [](const Effect& e) {
    const auto* fence = std::get_if<Fence>(&e);
    return fence != nullptr && !is_intruder_fence(*fence);
  });
  if (at == step.effects.end()) return step;
  const Fenced assumed{std::get<Fence>(*at).operation, std::get<Fence>(*at).target, true, "assumed"};
  step.effects.erase(at);
  auto next = failover::step(context, std::move(step.state), assumed, now);
  step.state = std::move(next.state);
  step.store = step.store || next.store;
  step.records.insert(step.records.end(), next.records.begin(), next.records.end());
  step.effects.insert(step.effects.end(), next.effects.begin(), next.effects.end());
  return step;
}

Step with_old_epoch(Step step) {
  for (auto& record : step.records) {
    auto* granted = std::get_if<Granted>(&record);
    if (granted == nullptr || granted->epoch.value < 2) continue;
    --granted->epoch.value;
    step.state.epoch = granted->epoch;
    for (auto& effect : step.effects) {
      if (auto* activate = std::get_if<Activate>(&effect)) activate->epoch = granted->epoch;
    }
  }
  return step;
}

Step with_former_epoch(Step step) {
  for (auto& effect : step.effects) {
    if (auto* activate = std::get_if<Activate>(&effect); activate != nullptr && activate->epoch.value > 1)
      --activate->epoch.value;
  }
  return step;
}

Step counting_anew(Step step, const Event& event) {
  if (std::holds_alternative<Command>(event)) step.state.failovers.clear();
  return step;
}

Step with_other_service(Mutation mutation, const Context& context, State state, const Event& event, const Now& now) {
  config::Service service = context.service;
  if (mutation == limit_ignored) service.limits.max_failovers = 1'000'000;
  if (mutation == age_ignored && service.state) service.state->max_age.reset();
  if (mutation == rate_forgotten) service.lease.clock_error = 0;
  if (mutation == kill_forgotten) service.lease.kill_time = Millis(0);
  Event heard = event;
  if (auto* asked = std::get_if<LeaseAsked>(&heard); asked != nullptr && mutation == kill_forgotten)
    asked->renewal.kill_time = Millis(0);
  if (auto* asked = std::get_if<LeaseAsked>(&heard); asked != nullptr && mutation == holds_over_ignored)
    asked->renewal.holds_over = false;
  return failover::step({service, context.act}, std::move(state), heard, now);
}

Event with_other_answer(Mutation mutation, const State& state, Event event) {
  if (auto* done = std::get_if<Activated>(&event);
      done != nullptr && mutation == unknown_is_no_effect && done->status == sdk::Status::unknown)
    done->status = sdk::Status::transient;
  if (auto* fenced = std::get_if<Fenced>(&event);
      fenced != nullptr && mutation == late_answer_counts && state.move && state.move->fence == Part::running)
    fenced->operation = state.move->fence_operation;
  return event;
}

Step with_force(Step step, bool forced) {
  if (forced && step.state.move) step.state.move->forced = true;
  return step;
}

Step forget_pause(Step step, const Event& event) {
  const auto* command = std::get_if<Command>(&event);
  if (command == nullptr || command->what != Command::What::pause) return step;
  step.state.pause.reset();
  if (step.state.phase == Phase::paused) step.state.phase = Phase::active;
  return step;
}

Step with_other_lease(Mutation mutation, Step step, const Event& event) {
  for (auto& effect : step.effects) {
    if (auto* arm = std::get_if<Arm>(&effect); arm != nullptr && arm->kind == TimerKind::lease) {
      const auto right = arm->after;
      if (mutation == halved_wait) arm->after /= 2;
      if (mutation == wait_not_restarted && std::holds_alternative<Started>(event)) arm->after = Millis(1);
      if (step.state.move && step.state.move->lease_over) *step.state.move->lease_over -= right - arm->after;
    }
    if (auto* answer = std::get_if<LeaseAnswer>(&effect); answer != nullptr && mutation == judge_grants)
      *answer = {answer->id, {}, Millis(12'000)};
  }
  if (mutation == revoked_forgotten) step.state.revoked = false;
  return step;
}

bool is_resume(const Event& event) {
  const auto* command = std::get_if<Command>(&event);
  return command != nullptr && command->what == Command::What::resume;
}

Step ask_person(const Context& context, State state, const Now& now) {
  Step out;
  state.phase = Phase::hold;
  state.hold_from = Phase::plan;
  state.blocked = Blocked{"asks", "shall it fail over?", "understudy resume", now.wall};
  for (const auto kind : {TimerKind::phase, TimerKind::retry}) ++state.timer_generation[static_cast<int>(kind)];
  const auto generation = ++state.timer_generation[static_cast<int>(TimerKind::remind)];
  Alert alert;
  alert.kind = "blocked";
  alert.severity = Severity::critical;
  alert.state = AlertState::firing;
  alert.service = context.service.id;
  alert.about = state.blocked->by;
  alert.title = state.blocked->text;
  out.state = std::move(state);
  out.effects = {Tell{std::move(alert)}, Arm{TimerKind::remind, generation, context.service.limits.remind_every}};
  out.store = true;
  return out;
}

/// A person's resume lets one failover through.
Step with_question(const Context& context, State state, const Event& event, const Now& now) {
  constexpr Phase agreed = Phase::verify;  // no hold is from there
  const bool asked = state.phase == Phase::hold && state.blocked && state.blocked->by == "asks";
  Step out = failover::step(context, state, event, now);
  if (asked && is_resume(event)) out.state.hold_from = agreed;
  const bool begins = !state.move && out.state.move && out.state.move->kind == MoveKind::failover &&
                      !std::holds_alternative<Command>(event);
  if (!begins) return out;
  if (state.hold_from != agreed) return ask_person(context, std::move(state), now);
  out.state.hold_from = Phase::plan;
  return out;
}

bool is_lost_in_hold(Mutation mutation, const State& state, const Event& event) {
  const auto* timer = std::get_if<TimerFired>(&event);
  if (timer == nullptr || state.phase != Phase::hold) return false;
  return (mutation == hold_never_retries && timer->kind == TimerKind::retry) ||
         (mutation == limit_sticks && timer->kind == TimerKind::phase);
}

Step without_transition(const Context& context, State state, const Event& event, const Now& now) {
  const Phase before = state.phase;
  Step out = failover::step(context, std::move(state), event, now);
  if (before == Phase::verify && out.state.phase == Phase::active)
    throw std::logic_error("no transition from verify to active");
  return out;
}

Step asking_at_once(Step step, const Event& event) {
  const auto* made = std::get_if<PlanMade>(&event);
  if (made == nullptr || !made->ranked.empty() || step.state.phase != Phase::plan) return step;
  step.effects.emplace_back(MakePlan{step.state.active, {}, true});
  return step;
}

Step with_old_data_at(Step step, const TargetId& before) {
  const bool verified = std::ranges::any_of(step.records, [](const Record& r) {
    const auto* timed = std::get_if<ActivationTimed>(&r);
    return timed != nullptr && timed->succeeded;
  });
  if (!verified && !before.empty()) step.state.data_at = before;
  return step;
}

}  // namespace

std::span<const MutationRow> mutations() noexcept { return rows; }

std::optional<Mutation> mutation_from(std::string_view name) noexcept {
  if (name == "none") return none;
  for (const auto& row : rows) {
    if (row.name == name) return row.mutation;
  }
  return std::nullopt;
}

Step step_with(Mutation mutation, const Context& context, State state, const Event& event, const Now& now) {
  if (is_lost_in_hold(mutation, state, event)) return {std::move(state), {}, {}, false};
  switch (mutation) {
    case always_holds: return with_question(context, std::move(state), event, now);
    case drop_fence: return without_fence(context, failover::step(context, std::move(state), event, now), now);
    case late_answer_counts:
    case unknown_is_no_effect: {
      const Event other = with_other_answer(mutation, state, event);
      return failover::step(context, std::move(state), other, now);
    }
    case force_stays: {
      const bool forced = state.move && state.move->forced;
      return with_force(failover::step(context, std::move(state), event, now), forced);
    }
    case epoch_not_raised: return with_old_epoch(failover::step(context, std::move(state), event, now));
    case older_epoch_started: return with_former_epoch(failover::step(context, std::move(state), event, now));
    case limit_forgotten: return counting_anew(failover::step(context, std::move(state), event, now), event);
    case pause_ignored: return forget_pause(failover::step(context, std::move(state), event, now), event);
    case observe_acts: return failover::step({context.service, true}, std::move(state), event, now);
    case limit_ignored:
    case kill_forgotten:
    case rate_forgotten:
    case holds_over_ignored:
    case age_ignored: return with_other_service(mutation, context, std::move(state), event, now);
    case transition_missing: return without_transition(context, std::move(state), event, now);
    case asks_without_end: return asking_at_once(failover::step(context, std::move(state), event, now), event);
    case data_at_forgotten: {
      const TargetId before = state.data_at;
      return with_old_data_at(failover::step(context, std::move(state), event, now), before);
    }
    default: break;
  }
  const bool held = state.phase == Phase::hold;
  auto out = with_other_lease(mutation, failover::step(context, std::move(state), event, now), event);
  const auto* timer = std::get_if<TimerFired>(&event);
  if (mutation == intruder_left) {
    drop(out, [](const Effect& e) {
      const auto* fence = std::get_if<Fence>(&e);
      return fence != nullptr && is_intruder_fence(*fence);
    });
  }
  if (mutation == hold_not_told) drop(out, tells_block);
  if (mutation == reminder_not_told && timer != nullptr && timer->kind == TimerKind::remind) drop(out, tells_block);
  if (mutation == reminds_in_hold_only && timer != nullptr && timer->kind == TimerKind::remind && !held)
    drop(out, tells_block);
  if (mutation == timeouts_lost) {
    drop(out, [](const Effect& e) {
      const auto* arm = std::get_if<Arm>(&e);
      return arm != nullptr && arm->kind == TimerKind::phase;
    });
  }
  return out;
}

}  // namespace understudy::sim
