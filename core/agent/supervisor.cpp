#include "core/agent/supervisor.hpp"

#include "core/agent/ledger_file.hpp"

namespace understudy::agent {
namespace {

WallTime wall_now() { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }

}  // namespace

Supervisor::Supervisor(const Parts& parts, const config::Agent& options, std::vector<std::string> command,
                       Ledger ledger)
    : parts_(parts),
      options_(options),
      ledger_(std::move(ledger)),
      workload_(parts.loop, std::move(command), [this](const host::Ended& how) { workload_ended(how); }),
      restarts_(options.restart, options.stable_after),
      restart_timer_(parts.loop),
      push_timer_(parts.loop) {
  facts_.service = options.service.value;
  facts_.started = facts_.changed = wall_now();
}

Supervisor::~Supervisor() { parts_.vitals.stop(); }

Facts Supervisor::facts() const {
  Facts out = facts_;
  out.now = wall_now();
  out.epoch = ledger_.epoch;
  out.pid = workload_.pid();
  return out;
}

void Supervisor::set(Mode mode, Work work, std::string detail) {
  if (mode != facts_.mode || work != facts_.work) facts_.changed = wall_now();
  facts_.mode = mode;
  facts_.work = work;
  facts_.detail = std::move(detail);
}

bool Supervisor::write(Ledger ledger) {
  ledger.at = wall_now();
  if (const auto problem = write_ledger(options_.data_dir / "agent.json", ledger)) {
    parts_.log.write(host::Level::error, "agent", *problem);
    return false;
  }
  ledger_ = std::move(ledger);
  return true;
}

Supervisor::Taken Supervisor::deactivate(const DeactivateOrder& order) {
  const auto admission = admit(ledger_, order);
  if (admission.verdict != Admission::Verdict::accept)
    return {Taken::Verdict::stale, {}, admission.why, admission.hint};
  Ledger next = ledger_;
  next.epoch = admission.epoch;
  next.phase = Ledger::Phase::ended;
  next.operation = order.operation;
  if (!write(next)) return {Taken::Verdict::broken, {}, "the ledger cannot be written", "is the disk full?"};
  if (facts_.mode == Mode::standby) return {Taken::Verdict::already, ledger_.epoch, {}, {}};
  parts_.log.write(host::Level::info, "agent", "deactivated", {{"epoch", std::to_string(ledger_.epoch.value)}});
  stop_workload(order.grace.value_or(options_.stop_grace), order.push, [this] { set(Mode::standby, Work::stopped); });
  return {Taken::Verdict::started, ledger_.epoch, {}, {}};
}

void Supervisor::leave(std::function<void()> done) {
  leaving_ = true;
  stop_workload(options_.stop_grace, true, std::move(done));
}

void Supervisor::stop_workload(Millis grace, bool push, std::function<void()> done) {
  const bool had_run = workload_.running() || facts_.mode == Mode::active;
  const auto turn = ++turn_;
  restart_timer_.cancel();
  push_timer_.cancel();
  parts_.vitals.stop();
  set(Mode::deactivating, Work::stopping);
  workload_.stop(grace, [this, turn, had_run, push, done = std::move(done), alive = std::weak_ptr(alive_)] {
    if (alive.expired() || turn != turn_) return;
    set(Mode::deactivating, Work::stopped);
    had_run&& push ? save_last(done) : done();
  });
}

void Supervisor::save_last(std::function<void()> done) {
  if (!parts_.state.any() || parts_.state.open("").has_value()) return done();
  const auto turn = turn_;
  parts_.state.push(
      ledger_.epoch, true,
      [this, turn, done = std::move(done), alive = std::weak_ptr(alive_)](const state::StateKeeper::Answer& answer) {
        if (alive.expired()) return;
        pushed(answer);
        if (turn == turn_) done();
      });
}

void Supervisor::workload_ended(const host::Ended& how) {
  const auto ran = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started_at_);
  parts_.vitals.stop();
  if (options_.leave_when_done && how.exit_code == 0) {
    parts_.log.write(host::Level::info, "agent", "the workload is done");
    return stop_workload(Millis(0), true, [this] {
      set(Mode::standby, Work::stopped, "done");
      parts_.done();
    });
  }
  const std::string said = "it ended with " + describe(how);
  const auto wait = restarts_.ended(ran);
  if (!wait) {
    parts_.log.write(host::Level::error, "agent", "the workload is given up: " + said);
    set(Mode::active, Work::failed,
        said + ", and is given up after " + std::to_string(options_.restart.size()) + " restarts");
    return;
  }
  parts_.log.write(host::Level::warning, "agent",
                   "the workload: " + said + "; it is started again in " + std::to_string(wait->count()) + " ms");
  set(Mode::active, Work::restarting, said);
  restart_timer_.expires_after(*wait);
  restart_timer_.async_wait(
      [this, turn = turn_, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (error || alive.expired() || turn != turn_) return;
        ++facts_.restarts;
        start_workload();
      });
}

void Supervisor::looked(const Vitals::Verdict& verdict) {
  if (!workload_.running() || facts_.mode == Mode::deactivating) return;
  const bool young = std::chrono::steady_clock::now() - started_at_ < options_.start_grace;
  if (verdict.well) return set(Mode::active, Work::running, verdict.detail);
  if (young && facts_.work == Work::starting) return set(facts_.mode, Work::starting, verdict.detail);
  set(Mode::active, Work::unhealthy, verdict.detail);
}

void Supervisor::push_in_time() {
  if (!parts_.state.any()) return;
  push_timer_.expires_after(options_.state->every);
  push_timer_.async_wait([this, turn = turn_, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired() || turn != turn_) return;
    if (!workload_.running()) return push_in_time();
    parts_.state.push(ledger_.epoch, false, [this, turn, alive](const state::StateKeeper::Answer& answer) {
      if (alive.expired()) return;
      pushed(answer);
      if (turn == turn_) push_in_time();
    });
  });
}

void Supervisor::pushed(const state::StateKeeper::Answer& answer) {
  facts_.push = LastPush{answer.ok, answer.detail, wall_now()};
  answer.ok ? ++facts_.pushes : ++facts_.failed_pushes;
  if (answer.ok) {
    facts_.snapshot = answer.snapshot;
    return parts_.state.prune();
  }
  parts_.log.write(host::Level::error, "agent", "the state was not saved: " + answer.detail);
  if (answer.status != sdk::Status::conflict || facts_.mode != Mode::active) return;
  // The store has a newer epoch: another site runs the service, and nobody could tell us.
  Ledger next = ledger_;
  next.phase = Ledger::Phase::ended;
  (void)write(next);
  parts_.log.write(host::Level::error, "agent", "another site runs the service: the workload is stopped here");
  stop_workload(options_.stop_grace, false, [this, why = answer.detail] {
    set(Mode::standby, Work::stopped, "stopped: another site runs the service (" + why + ")");
  });
}

}  // namespace understudy::agent
