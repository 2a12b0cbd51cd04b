// What a workload leaves, and whether the store has it: noted before it can leave anything, until its last state is
// saved.
#include "core/agent/supervisor.hpp"

namespace understudy::agent {
using host::wall_now;

/// Durable before the workload starts: an agent that is killed meanwhile knows afterwards what lies here.
void Supervisor::expect_work() {
  if (parts_.state.any()) note_unsaved(Unsaved{ledger_.epoch, false, {}});
}

void Supervisor::note_unsaved(std::optional<Unsaved> unsaved) {
  if (unsaved == ledger_.unsaved) return;
  Ledger next = ledger_;
  next.unsaved = std::move(unsaved);
  note(next);
}

/// Tried until it is saved, refused for good, or late.
void Supervisor::save_last(std::chrono::steady_clock::time_point deadline, Millis pause) {
  if (!ledger_.to_save()) return stopped();  // somebody said meanwhile that it need not be
  // After an agent's restart no activation has named the store yet.
  if (const auto problem = parts_.state.open(ledger_.store)) {
    parts_.log.write(host::Level::error, "agent", "the state was not saved: " + *problem);
    facts_.detail = "what it left is not saved: " + *problem;
    return stopped();
  }
  const Epoch run = ledger_.unsaved->epoch;  // not the ledger's: whoever stops us may have named a newer one
  parts_.state.push(run, true, [this, run, deadline, pause, alive = std::weak_ptr(alive_)](const auto& answer) {
    if (alive.expired()) return;
    pushed(run, answer);
    const bool late = std::chrono::steady_clock::now() + pause >= deadline;
    if (answer.ok) note_unsaved(std::nullopt);
    if (!answer.ok) facts_.detail = "what it left is not saved: " + answer.detail;
    if (answer.ok || late || answer.status == sdk::Status::conflict) return stopped();
    save_timer_.expires_after(pause);
    save_timer_.async_wait([this, deadline, pause, alive](const boost::system::error_code& error) {
      if (!error && !alive.expired()) save_last(deadline, pause * 2);
    });
  });
}

/// What it left, without keeping it from going on. Under the run's epoch: the store refuses it when it knows a newer.
void Supervisor::save_behind() {
  if (!ledger_.to_save() || !parts_.state.any()) return;
  const Epoch run = ledger_.unsaved->epoch;
  parts_.state.push(run, true, [this, run, of = started_at_, alive = std::weak_ptr(alive_)](const auto& answer) {
    if (alive.expired()) return;
    if (answer.ok && of == started_at_) note_unsaved(std::nullopt);  // else it has run again, and left more
    pushed(run, answer);
  });
}

void Supervisor::push_in_time() {
  if (!parts_.state.any()) return;
  push_timer_.expires_after(options_.state->every);
  push_timer_.async_wait([this, turn = turn_, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired() || turn != turn_) return;
    if (!workload_.running()) return push_in_time();
    const Epoch run = ledger_.epoch;
    parts_.state.push(run, false, [this, run, turn, alive](const state::StateKeeper::Answer& answer) {
      if (alive.expired()) return;
      if (answer.status != sdk::Status::cancelled) pushed(run, answer);
      if (turn == turn_) push_in_time();
    });
  });
}

void Supervisor::pushed(Epoch run, const state::StateKeeper::Answer& answer) {
  facts_.push = LastPush{answer.ok, answer.detail, wall_now()};
  answer.ok ? ++facts_.pushes : ++facts_.failed_pushes;
  if (answer.ok) {
    facts_.snapshot = answer.snapshot;
    return parts_.state.prune();
  }
  parts_.log.write(host::Level::error, "agent", "the state was not saved: " + answer.detail);
  if (answer.status == sdk::Status::conflict) overtaken(run, answer.detail);
}

/// The store has a newer epoch: another site runs the service, and perhaps nobody could tell us. What is here stays
/// here, and is not sent again.
void Supervisor::overtaken(Epoch run, const std::string& why) {
  Ledger next = ledger_;
  if (next.unsaved && next.unsaved->epoch == run) next.unsaved = Unsaved{run, true, why};
  const bool runs = facts_.mode == Mode::active && ledger_.epoch == run;
  if (runs) next.phase = Ledger::Phase::ended;
  note(next);
  if (!runs) return;
  parts_.log.write(host::Level::error, "agent", "another site runs the service: the workload is stopped here");
  stop_workload(options_.stop_grace, false, [this, why] {
    set(Mode::standby, Work::stopped, "stopped: another site runs the service (" + why + ")");
  });
}

std::string Supervisor::explain_unsaved() const {
  const auto& unsaved = *ledger_.unsaved;
  std::string where;
  for (const auto& path : options_.state ? options_.state->paths : std::vector<std::filesystem::path>{})
    where += (where.empty() ? "" : ", ") + path.string();
  const std::string out = "the last state of epoch " + std::to_string(unsaved.epoch.value) +
                          " is not in the store, and lies here, in " + where;
  if (!unsaved.refused) return out + ": a stop saves it (POST /deactivate)";
  return out + ": the store has refused it for good (" + unsaved.why +
         "). Look what is worth keeping; POST /deactivate with \"push\": false says that it was looked at";
}

}  // namespace understudy::agent
