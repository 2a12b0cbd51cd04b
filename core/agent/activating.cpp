// From an accepted order to a running workload.
#include "core/agent/supervisor.hpp"

namespace understudy::agent {
using host::wall_now;

/// A container whose own order is refused must not look well.
Supervisor::Taken Supervisor::refused(const ActivateOrder& order, Taken taken) {
  if (order.boot)
    facts_.activation =
        LastActivation{order.epoch.value_or(Epoch{}), order.operation, taken.why, false, true, wall_now()};
  return taken;
}

Supervisor::Taken Supervisor::activate(const ActivateOrder& order) {
  if (leaving_ || facts_.mode == Mode::deactivating)
    return {Taken::Verdict::busy, {}, "the workload is being stopped", "ask again in a moment"};
  const bool ran = facts_.mode == Mode::active && facts_.work != Work::failed;
  const auto admission = admit(ledger_, order, ran || facts_.mode == Mode::activating);
  if (admission.verdict == Admission::Verdict::already) return {Taken::Verdict::already, admission.epoch, {}, {}};
  if (admission.verdict == Admission::Verdict::stale)
    return refused(order, {Taken::Verdict::stale, {}, admission.why, admission.hint});
  if (admission.verdict == Admission::Verdict::invalid)
    return refused(order, {Taken::Verdict::invalid, {}, admission.why, admission.hint});
  if (const auto problem = parts_.state.open(order.store))
    return refused(order, {Taken::Verdict::invalid, {}, *problem, {}});
  // What is here stays when it belongs to this epoch, or was written until now and no other site can have run between.
  const bool ours = ledger_.epoch == admission.epoch && ledger_.restored && (order.boot || !order.snapshot);
  const bool next = admission.epoch <= ledger_.epoch.next();
  const bool unsaved = ledger_.unsaved && !ledger_.unsaved->refused && ledger_.unsaved->epoch == ledger_.epoch;
  const bool keep = (ours || ((ran || unsaved) && next)) && parts_.state.in_place();
  Ledger entry = ledger_;
  entry.epoch = admission.epoch;
  entry.phase = Ledger::Phase::active;
  entry.operation = order.operation;
  entry.restored = keep;
  if (!keep) entry.snapshot = order.snapshot;  // what it starts from, should the agent end before it has started
  entry.store = order.store;
  if (!write(entry))
    return refused(order, {Taken::Verdict::broken, {}, "the ledger cannot be written", "is the disk full?"});
  ++turn_;
  restarts_.forget();
  facts_.activation = LastActivation{admission.epoch, order.operation, order.boot ? "of the environment" : "",
                                     false,           false,           wall_now()};
  parts_.log.write(host::Level::info, "agent", "activating", {{"epoch", std::to_string(admission.epoch.value)}});
  const auto go_on = [this, order, keep, epoch = admission.epoch] {
    if (leaving_ || ledger_.phase != Ledger::Phase::active || ledger_.epoch != epoch) return;  // deactivated meanwhile
    if (parts_.lease != nullptr) parts_.lease->want(epoch);  // asked for while the state is brought
    if (keep && order.boot && parts_.lease == nullptr) return start_unless_newer();
    !parts_.state.any() || keep ? start_workload() : choose_snapshot(order);
  };
  if (workload_.running()) {  // the same site with a newer epoch: the workload has to learn it
    stop_workload(options_.stop_grace, false, go_on);
  } else {
    go_on();
  }
  return {Taken::Verdict::started, admission.epoch, {}, {}};
}

/// A container that is started again with its old order, by whoever started its host: another site may have run since.
/// A store that does not answer says nothing of that, and keeps nobody from going on.
void Supervisor::start_unless_newer() {
  if (!parts_.state.any()) return start_workload();
  set(Mode::activating, Work::starting);
  parts_.state.list([this, turn = turn_, alive = std::weak_ptr(alive_)](const auto& listed) {
    if (alive.expired() || turn != turn_) return;
    if (const auto* all = std::get_if<std::vector<SnapshotInfo>>(&listed)) {
      if (const auto problem = ran_elsewhere(*all, ledger_.epoch)) return activation_failed(*problem);
    }
    start_workload();
  });
}

void Supervisor::choose_snapshot(const ActivateOrder& order) {
  set(Mode::activating, Work::restoring);
  parts_.state.list([this, order, turn = turn_, alive = std::weak_ptr(alive_)](const auto& listed) {
    if (alive.expired() || turn != turn_) return;
    if (const auto* problem = std::get_if<std::string>(&listed)) return activation_failed(*problem);
    const auto choice = choose(std::get<std::vector<SnapshotInfo>>(listed), order, ledger_.epoch);
    if (!choice.ok) return activation_failed(choice.why + (choice.hint.empty() ? "" : "; " + choice.hint));
    if (choice.snapshot.empty()) {
      facts_.activation->detail = "the store has no snapshot: it starts with what is here";
      Ledger next = ledger_;
      next.restored = true;
      next.snapshot = SnapshotId();
      if (!write(next)) return activation_failed("the ledger cannot be written");
      return start_workload();
    }
    bring_state(order, choice.snapshot);
  });
}

void Supervisor::bring_state(const ActivateOrder& order, const SnapshotId& id) {
  parts_.state.bring(
      id, ledger_.epoch,
      [this, order, id, turn = turn_, alive = std::weak_ptr(alive_)](const state::StateKeeper::Answer& answer) {
        if (alive.expired() || turn != turn_) return;
        // A person's force takes the newest that is whole when this one is not.
        if (!answer.ok && order.force && !id.empty()) return bring_state(order, SnapshotId());
        if (!answer.ok) return activation_failed("the state was not restored: " + answer.detail);
        facts_.snapshot = answer.snapshot;
        Ledger next = ledger_;
        // Started by hand: what it saves must not be older than what it started from.
        if (order.force) next.epoch = std::max(next.epoch, answer.snapshot.epoch);
        next.snapshot = answer.snapshot.id;
        next.restored = true;
        if (std::exchange(next.unsaved, std::nullopt))
          parts_.log.write(host::Level::warning, "agent",
                           "what was here and not saved has made room: it is kept beside the state, as *.replaced-*");
        const bool newer = next.epoch != ledger_.epoch;
        if (!write(next)) return activation_failed("the ledger cannot be written");
        if (newer && parts_.lease != nullptr) parts_.lease->want(ledger_.epoch);
        start_workload();
      });
}

void Supervisor::start_workload() {
  if (!may_run()) return wait_for_lease();
  waits_.reset();
  set(Mode::activating, Work::starting);
  const auto before = ledger_.unsaved;
  expect_work();
  const auto problem = workload_.start({{"UNDERSTUDY_SERVICE", options_.service.value},
                                        {"UNDERSTUDY_EPOCH", std::to_string(ledger_.epoch.value)},
                                        {"UNDERSTUDY_SNAPSHOT", ledger_.snapshot.value_or(SnapshotId()).value}},
                                       parts_.lease != nullptr ? parts_.lease->until() : std::nullopt);
  if (problem) note_unsaved(before);
  if (problem && !may_run()) return wait_for_lease();  // the deadline came between the look and the start
  const bool first = !facts_.activation || !facts_.activation->done;
  if (problem) return first ? activation_failed(*problem) : restart_later(*problem, Millis(0));
  started_at_ = std::chrono::steady_clock::now();
  if (first && facts_.activation) {
    facts_.activation->done = facts_.activation->ok = true;
    ++facts_.activations;
  }
  parts_.log.write(host::Level::info, "agent", "the workload runs",
                   {{"pid", std::to_string(workload_.pid())}, {"epoch", std::to_string(ledger_.epoch.value)}});
  if (first) push_in_time();
  if (!parts_.vitals.any()) return set(Mode::active, Work::running);
  set(Mode::active, Work::starting);
  parts_.vitals.start([this](const Vitals::Verdict& verdict) { looked(verdict); });
}

void Supervisor::activation_failed(const std::string& why) {
  parts_.log.write(host::Level::error, "agent", "not activated: " + why);
  Ledger next = ledger_;
  next.phase = Ledger::Phase::failed;
  (void)write(next);
  if (facts_.activation) {
    facts_.activation->done = true;
    facts_.activation->ok = false;
    facts_.activation->detail = why;
  }
  ++facts_.failed_activations;
  if (parts_.lease != nullptr) parts_.lease->forget();
  set(Mode::standby, Work::stopped, why);
}

}  // namespace understudy::agent
