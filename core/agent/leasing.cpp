// What the lease makes of a workload: it waits for it, ends without it, and goes on with it.
#include "core/agent/supervisor.hpp"
#include "core/agent/watchdog.hpp"

namespace understudy::agent {

bool Supervisor::may_run() const { return parts_.lease == nullptr || parts_.lease->may_run(ledger_.epoch); }

void Supervisor::resume() {
  if (parts_.lease == nullptr || ledger_.phase != Ledger::Phase::active) return;
  ActivateOrder order;
  order.epoch = ledger_.epoch;
  order.operation = ledger_.operation;
  order.snapshot = ledger_.snapshot;
  order.store = ledger_.store;
  order.boot = true;
  const auto taken = activate(order);
  if (taken.verdict != Taken::Verdict::started)
    return parts_.log.write(host::Level::error, "agent", "what ran here does not go on: " + taken.why);
  if (facts_.activation && !facts_.activation->done) facts_.activation->detail = "it ran here when the agent ended";
}

/// Its state is in place: nothing else is missing.
void Supervisor::wait_for_lease() {
  const bool first = !facts_.activation || !facts_.activation->done;
  waits_ = turn_;
  first ? set(Mode::activating, Work::starting) : set(Mode::active, Work::stopped);
}

void Supervisor::lease_held() {
  if (waits_ == turn_) start_workload();
}

Time Supervisor::lease_lost(const LeaseKeeper::Loss& loss) {
  const auto left = [](Time until) {
    return std::max(Millis(0), std::chrono::duration_cast<Millis>(until - host::boot_now()));
  };
  if (!stopping_.empty()) {  // asked to end before: it has no more time than the lease leaves it
    if (workload_.running()) workload_.stop(left(loss.end.latest), [] {});
    return loss.end.latest;
  }
  const Epoch epoch = ledger_.epoch;
  if (!workload_.running()) {
    parts_.lease->want(epoch);
    return loss.end.kill_at;
  }
  fenced_ = true;
  stop_workload(left(loss.end.kill_at), false, [this, epoch] { stopped_for_lease(epoch); });
  return loss.end.kill_at;
}

void Supervisor::stopped_for_lease(Epoch epoch) {
  if (leaving_ || ledger_.phase != Ledger::Phase::active || ledger_.epoch != epoch) return;  // told so meanwhile
  wait_for_lease();
  parts_.lease->want(epoch);
  push_in_time();
  save_behind();
}

}  // namespace understudy::agent
