// One place where one service can run: its host, its control plane, its workload, and the guard and the watchdog if it
// has them. What really happens there; nobody else in the simulated world can see it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/failover/effects.hpp"
#include "core/failover/events.hpp"
#include "core/lease/guard.hpp"
#include "core/model/health.hpp"
#include "tests/sim/clock.hpp"
#include "tests/sim/setup.hpp"

namespace understudy::sim {

class World;

/// A workload that runs, or is being ended.
struct Workload {
  std::uint64_t id = 0;  ///< of this start
  Epoch epoch;
  bool serves = true;
  bool by_itself = false;          ///< started by its host, not by us
  bool ending = false;             ///< told to end
  std::optional<Time> lied_about;  ///< true time since when its control plane says that it is stopped
  std::optional<Time> woken;       ///< true time at which its host woke
};

struct ActivateAnswer {
  sdk::Status status = sdk::Status::ok;
  std::string detail;
};

class Site {
 public:
  Site(World& world, int service, const config::Target& target, const TargetSetup& place, int host_node);

  // The control plane. Requests are carried out one after the other; each answers once, perhaps much later.
  void activate(Epoch epoch, std::function<void(ActivateAnswer)> answer);
  void deactivate(Epoch epoch, Millis grace, std::function<void(bool stopped, std::string)> answer);
  void observe(std::function<void(failover::Observed)> answer);
  /// What a check of the workload finds. Nothing: no answer.
  [[nodiscard]] std::optional<CheckReport> check() const;

  /// The answer to a renewal of the guard, at its host.
  void renewed(std::uint64_t renewal, const failover::LeaseAnswer& answer);

  // Faults.
  void process_dies(bool restarted);
  void host_dies();
  void host_returns(bool starts_by_itself);
  void suspend();
  void wake();
  void freeze_guard(bool frozen);
  void guard_dies();
  void set_stuck(bool stuck);
  void set_serving(bool serves);
  /// An unguarded workload is started by its host although we have stopped it.
  void starts_by_itself();

  [[nodiscard]] const std::optional<Workload>& workload() const noexcept { return run_; }
  [[nodiscard]] std::optional<Workload>& workload() noexcept { return run_; }
  /// Executes instructions now.
  [[nodiscard]] bool runs() const noexcept { return run_ && host_up && !suspended; }
  /// True time until which its workload can have written.
  [[nodiscard]] Time wrote_until() const;
  [[nodiscard]] bool guarded() const noexcept { return target_.lease; }
  /// As its agent names itself: another one after each boot of the host.
  [[nodiscard]] std::string instance() const { return target_.id.value + "-" + std::to_string(boots_); }
  /// Answers a check over the network.
  [[nodiscard]] bool serves() const noexcept { return runs() && run_->serves && !run_->ending; }
  [[nodiscard]] int plane_node() const noexcept { return cloud ? host_node + 1 : host_node; }
  [[nodiscard]] const config::Target& target() const noexcept { return target_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  /// It runs since before the orchestrator knew of it.
  void runs_already() { start(Epoch{}, false); }

  const int service;
  const bool cloud;
  const bool holds_over;  ///< what it runs goes on when its lease has run out; not when it is refused
  const int host_node;
  bool host_up = true, suspended = false, stuck = false, guard_frozen = false, guard_up = true;
  bool lies = false;                          ///< its control plane says "stopped" whatever runs
  bool untellable = false, degraded = false;  ///< what its checks find while it can be asked
  double failing = 0;                         ///< share of starts and stops that fail
  Epoch ended;                                ///< no start of this epoch or an older one is carried out any more

 private:
  void carry_out(std::function<void()> work);
  void start(Epoch epoch, bool by_itself);
  void end(const std::string& why);
  /// Ends the workload within this time of its host's clock; `then` when nothing of it runs.
  void kill(Millis within, const std::string& why, std::function<void()> then);
  void told_to_run(Epoch epoch);
  void guard_looks();
  void schedule_guard();
  void guard_starts_again();
  void pet_watchdog();
  void watchdog_looks(std::uint64_t petted);
  void lease_over(const std::string& why);
  [[nodiscard]] bool counts(std::uint64_t renewal, Millis ttl, Time now);
  [[nodiscard]] Time local() const;
  [[nodiscard]] bool may_run() const { return (held_over_ && held_over_ == guard_.wanted()) || guard_.holds(local()); }
  [[nodiscard]] bool guard_can_act() const noexcept { return guard_up && !guard_frozen && host_up && !suspended; }
  void say(const std::string& text) const;

  World& world_;
  const config::Target& target_;
  Clock clock_;
  lease::Guard guard_;
  Time sent_at_{};                             ///< of the last renewal
  std::optional<Epoch> held_over_;             ///< goes on without a lease
  std::optional<std::pair<Epoch, Time>> lie_;  ///< up to which epoch all is said to be stopped, and since when
  std::optional<Workload> run_;
  Time ended_at_{};                ///< true time at which the last workload ended
  std::optional<Epoch> starting_;  ///< a start is under way
  Epoch refused_;                  ///< for want of capacity: a second copy of that request is refused too
  Epoch label_;                    ///< of the last workload: what a host that starts it by itself would run
  std::vector<std::function<void()>> parked_;
  std::optional<Time> watchdog_deadline_;  ///< on the host's clock
  std::uint64_t petted_ = 0, guard_wakes_ = 0, boots_ = 0;
};

}  // namespace understudy::sim
