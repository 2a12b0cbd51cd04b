#include "core/agent/supervisor.hpp"

#include "core/agent/ledger_file.hpp"
#include "core/agent/watchdog.hpp"

namespace understudy::agent {
using host::wall_now;

Supervisor::Supervisor(const Parts& parts, const config::Agent& options, std::vector<std::string> command,
                       Ledger ledger)
    : parts_(parts),
      options_(options),
      ledger_(std::move(ledger)),
      workload_(parts.loop, parts.watchdog, std::move(command),
                [this](const host::Ended& how) { workload_ended(how); }),
      restarts_(options.restart, options.stable_after),
      restart_timer_(parts.loop),
      push_timer_(parts.loop),
      save_timer_(parts.loop) {
  facts_.service = options.service.value;
  facts_.instance = parts_.instance;
  facts_.started = facts_.changed = wall_now();
  if (parts_.lease == nullptr) return;
  parts_.lease->listen({[this] { lease_held(); }, [this](const LeaseKeeper::Loss& loss) { return lease_lost(loss); }});
}

Supervisor::~Supervisor() { parts_.vitals.stop(); }

Facts Supervisor::facts() const {
  Facts out = facts_;
  out.now = wall_now();
  out.epoch = ledger_.epoch;
  out.pid = workload_.pid();
  out.unsaved = ledger_.unsaved.has_value() && !workload_.running();
  if (out.unsaved) out.unsaved_detail = explain_unsaved();
  if (parts_.lease != nullptr) out.lease = parts_.lease->facts();
  if (parts_.watchdog != nullptr) out.watchdog = parts_.watchdog->up() ? WatchdogState::up : WatchdogState::down;
  if (waits_ == turn_) out.detail = parts_.lease->explain();
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

void Supervisor::note(const Ledger& ledger) {
  if (!write(ledger)) ledger_ = ledger;
}

Supervisor::Taken Supervisor::deactivate(const DeactivateOrder& order) {
  const auto admission = admit(ledger_, order);
  if (admission.verdict != Admission::Verdict::accept)
    return {Taken::Verdict::stale, {}, admission.why, admission.hint};
  Ledger next = ledger_;
  next.epoch = admission.epoch;
  next.phase = Ledger::Phase::ended;
  next.operation = order.operation;
  if (!order.push) next.unsaved.reset();
  note(next);
  if (leaving_) return {Taken::Verdict::started, ledger_.epoch, {}, {}};
  if (facts_.mode == Mode::standby && !ledger_.to_save()) return {Taken::Verdict::already, ledger_.epoch, {}, {}};
  parts_.log.write(host::Level::info, "agent", "deactivated", {{"epoch", std::to_string(ledger_.epoch.value)}});
  stop_workload(order.grace.value_or(options_.stop_grace), order.push, [this] {
    if (!leaving_) set(Mode::standby, Work::stopped, facts_.detail);
  });
  return {Taken::Verdict::started, ledger_.epoch, {}, {}};
}

void Supervisor::leave(std::function<void()> done) {
  leaving_ = true;
  stop_workload(options_.stop_grace, true, std::move(done));
}

void Supervisor::stop_workload(Millis grace, bool push, std::function<void()> done) {
  stopping_.push_back(std::move(done));
  push_at_stop_ = push_at_stop_ || push;
  const auto after = [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (parts_.lease != nullptr && !fenced_) parts_.lease->forget();
    set(fenced_ ? Mode::active : Mode::deactivating, Work::stopped);
    const bool save = push_at_stop_ && ledger_.to_save() && parts_.state.any();
    save ? save_last(std::chrono::steady_clock::now() + options_.state->save_timeout, Millis(500)) : stopped();
  };
  if (stopping_.size() > 1) {  // it is under way
    fenced_ = false;
    set(Mode::deactivating, facts_.work);
    if (workload_.running()) workload_.stop(grace, [] {});
    return;
  }
  ++turn_;
  restart_timer_.cancel();
  push_timer_.cancel();
  parts_.vitals.stop();
  set(fenced_ ? Mode::active : Mode::deactivating, Work::stopping);
  workload_.stop(grace, after);
}

void Supervisor::stopped() {
  push_at_stop_ = fenced_ = false;
  for (const auto& done : std::exchange(stopping_, {})) done();
}

void Supervisor::workload_ended(const host::Ended& how) {
  const auto ran = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started_at_);
  parts_.vitals.stop();
  if (options_.leave_when_done && how.exit_code == 0) {
    parts_.log.write(host::Level::info, "agent", "the workload is done");
    leaving_ = true;
    return stop_workload(Millis(0), true, [this] {
      set(Mode::standby, Work::stopped, "done");
      parts_.done();
    });
  }
  restart_later("it ended with " + describe(how), ran);
}

void Supervisor::restart_later(const std::string& why, Millis ran) {
  const auto wait = restarts_.ended(ran);
  if (!wait) {
    if (parts_.lease != nullptr) parts_.lease->forget();
    parts_.log.write(host::Level::error, "agent", "the workload is given up: " + why);
    set(Mode::active, Work::failed,
        why + ", and is given up after " + std::to_string(options_.restart.size()) + " restarts");
    return;
  }
  parts_.log.write(host::Level::warning, "agent",
                   "the workload: " + why + "; it is started again in " + std::to_string(wait->count()) + " ms");
  set(Mode::active, Work::restarting, why);
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
  // A live process whose port still refuses is not ready: what is weak counts when a start has had its time.
  const bool may_be_starting = young && facts_.work == Work::starting && (!verdict.well || verdict.after_failure);
  if (may_be_starting) return set(facts_.mode, Work::starting, verdict.detail);
  if (verdict.well) return set(Mode::active, Work::running, verdict.detail);
  set(Mode::active, Work::unhealthy, verdict.detail);
}

}  // namespace understudy::agent
