// Planted bugs, one or more for each invariant: wrappers around the pure core and the simulated parts, so that the core
// itself has no test code. Each must be caught; sim_test.cpp says by which invariant.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/failover/machine.hpp"

namespace understudy::sim {

enum class Mutation {
  none,
  drop_fence,            ///< the old site is taken as stopped without being asked
  late_answer_counts,    ///< an answer to an earlier stop is taken for one to the present stop
  unknown_is_no_effect,  ///< a start whose outcome nobody knows is taken for one that did nothing
  force_stays,           ///< a person's --force counts for those that fail later, too
  epoch_not_raised,      ///< the epoch of a grant is the former one again
  older_epoch_started,   ///< the next site is started with the former's epoch
  old_state_restored,    ///< after a crash an older state of the journal is taken
  act_before_journal,    ///< effects are performed before the records are stored
  full_disk_ignored,     ///< a step that could not be stored is taken all the same
  intruder_left,         ///< who comes back is told, but not stopped
  pause_ignored,         ///< a pause is accepted and forgotten
  observe_acts,          ///< mode = "observe" is ignored
  limit_ignored,         ///< failovers are not bounded
  limit_forgotten,       ///< whatever a person says, failovers are counted anew
  hold_not_told,         ///< nobody is told that a service is blocked
  reminder_not_told,     ///< ... or only once
  reminds_in_hold_only,  ///< ... or only once when it is blocked in another phase than HOLD
  canary_ignored,        ///< failures count although our own network does not work
  unknown_is_fail,       ///< a check that cannot tell counts as one that failed
  stale_verdicts,        ///< a verdict that waits for a full disk is acted upon although a newer one has come
  interval_stays,        ///< a target that fails is checked no more often than one that is well
  alert_dropped,         ///< an alert that could not be delivered at once is forgotten (uptime-kuma #6046, #7436)
  refused_dropped,       ///< an alert that its notifier refuses for good is forgotten, although nobody else has told it
  alerts_overtake,       ///< an end is told while its beginning still waits
  outbox_in_memory,      ///< alerts that wait do not survive a crash
  age_ignored,           ///< max_age is not looked at
  older_snapshot,        ///< the next site starts from the snapshot before the newest
  snapshot_not_stored,   ///< the store acknowledges what it has not stored
  store_takes_old,       ///< the store accepts a snapshot of an older epoch
  store_not_sealed,      ///< the store learns of a new epoch from its first snapshot only
  data_at_forgotten,     ///< who serves after a move that was cancelled is not known to have the newest state
  halved_wait,           ///< W is half as long
  kill_forgotten,        ///< W leaves out the time that a kill takes
  rate_forgotten,        ///< W takes all clocks for right
  wait_not_restarted,    ///< after a crash a lease's end is no longer waited for
  holds_over_ignored,    ///< W is taken for proof also of a guard that goes on without a lease
  judge_grants,          ///< every renewal is granted
  revoked_forgotten,     ///< a revoked epoch can be renewed
  deadline_from_answer,  ///< a guard's deadline counts from the answer
  late_answer_revives,   ///< an answer that comes after its own deadline counts
  no_watchdog,           ///< nobody ends the workload of a frozen guard
  returned_guard_runs,   ///< a guard whose host comes back starts the workload without asking
  timeouts_lost,         ///< what waits has no end
  always_holds,          ///< a person is asked before each failover
  hold_never_retries,    ///< what is to be tried again in HOLD is not
  limit_sticks,          ///< failovers that were too many stay too many when the window is over
  transition_missing,    ///< a phase is entered that the table does not allow: the machine throws
  asks_without_end,      ///< a plan that names nobody is asked for again at once
};

struct MutationRow {
  Mutation mutation;
  std::string_view name;
  std::string_view invariants;  ///< that may catch it, separated by spaces: the first is the one meant
  std::string_view what;

  /// What only takes longer than it should breaks no invariant: Options::outage.
  [[nodiscard]] bool only_outages() const noexcept { return invariants == "worst_case"; }
};

/// All but `none`.
[[nodiscard]] std::span<const MutationRow> mutations() noexcept;
[[nodiscard]] std::optional<Mutation> mutation_from(std::string_view name) noexcept;

/// failover::step with the mutation, if it is one of the machine.
[[nodiscard]] failover::Step step_with(Mutation mutation, const failover::Context& context, failover::State state,
                                       const failover::Event& event, const failover::Now& now);

}  // namespace understudy::sim
