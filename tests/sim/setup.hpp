// What one run is about, drawn from its seed: services, targets, notifiers, and which faults happen at all.
#pragma once

#include <cstdint>
#include <vector>

#include "core/config/config.hpp"
#include "core/sim/dice.hpp"
#include "tests/sim/mutations.hpp"

namespace understudy::sim {

/// Each run has some kinds of faults and not others: what goes wrong together differs, and quiet corners are reached.
enum class Fault {
  crash,            ///< the orchestrator dies, and is started again
  crash_at_write,   ///< ... just before or after a write to the journal, or between two effects
  freeze,           ///< the orchestrator is stopped (SIGSTOP) and goes on
  wall_jump,        ///< its wall clock is set
  disk_full,        ///< the journal refuses writes
  partition,        ///< two parts cannot reach each other, both ways or one way
  isolation,        ///< the orchestrator's own network is gone
  lossy,            ///< messages are lost and doubled
  slow,             ///< messages take up to half a minute, and overtake each other
  provider_stuck,   ///< a control plane takes requests and does nothing until later
  provider_errors,  ///< starts and stops fail, with and without an effect
  provider_lies,    ///< a control plane says that a target is stopped, and it runs
  process_dies,     ///< a workload ends, and perhaps its supervisor starts it again
  host_dies,        ///< a host loses its power, and comes back
  hang,             ///< a workload runs but does not serve
  flap,             ///< it serves, and does not, and serves
  untellable,       ///< checks of a workload cannot tell how it is
  degraded,         ///< a workload serves, and not as it should
  returns,          ///< an unguarded workload that was stopped is started by its host
  host_suspends,    ///< a host sleeps, and its clock with it does not
  guard_frozen,     ///< the guard is stopped (SIGSTOP); its watchdog is not
  guard_dies,       ///< the guard is killed, and started again
  cornered,         ///< a guarded workload hangs, nobody can stop it, and its renewals still go through, slowly
  store_down,       ///< pushes and pulls fail
  store_corrupts,   ///< a snapshot does not verify
  notifier_down,    ///< alerts are not taken, or refused for good
  people,           ///< promote, failback, pause and resume at bad moments
  people_force,     ///< ... with --force and --accept-loss
  hands_off,        ///< the orchestrator is started again with mode = "observe", and later with "act"
};
inline constexpr int fault_count = 29;

struct TargetSetup {
  bool cloud = false;  ///< its control plane is not its host
  double clock_rate = 1;
  bool holds_over = false;  ///< its guard goes on without a lease: store_outage = "hold"
};

struct Setup {
  config::Config config;
  std::vector<std::vector<TargetSetup>> targets;  ///< by service, then as in its config
  std::uint32_t faults = 0;                       ///< bits of Fault
  Millis trouble{0};                              ///< how long faults happen
  double mean_between_faults_s = 60;
  double clock_error = 0;  ///< rho: that of every clock is within it
  double orchestrator_rate = 1;
  bool has_reference = true;  ///< checks of our own network

  [[nodiscard]] bool has(Fault fault) const { return ((faults >> static_cast<int>(fault)) & 1U) != 0; }
};

[[nodiscard]] Setup draw_setup(Dice& dice);

}  // namespace understudy::sim
