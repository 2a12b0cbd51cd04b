// What a supervisor tells of itself: the facts, and their two forms. Pure but for the metrics library.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "core/agent/orders.hpp"

namespace understudy::agent {

enum class Mode { standby, activating, active, deactivating };
enum class Work { stopped, restoring, starting, running, unhealthy, restarting, stopping, failed };

struct LastActivation {
  Epoch epoch;
  std::string operation, detail;
  bool ok = false, done = false;
  WallTime at{};
};

struct LastPush {
  bool ok = false;
  std::string detail;
  WallTime at{};
};

/// The right to run the workload, as the guard has it.
struct LeaseFacts {
  enum class State {
    off,      ///< there is no [agent.lease], or nothing is to run here
    asking,   ///< nobody has granted it yet
    held,     //
    refused,  ///< the orchestrator says no
    lost      ///< it ran out, and nobody answers
  } state = State::off;
  bool held_over = false;  ///< lost, and the workload keeps running: store_outage = "hold"
  std::optional<Millis> left;
  std::string refusal;  ///< why the last renewal that was refused was
  std::string failure;  ///< why the last one got no answer; empty: it got one
  std::uint64_t granted = 0, refused = 0, failed = 0;
};

enum class WatchdogState { off, up, down };

struct Facts {
  std::string service;
  std::string instance;  ///< which agent this is (instance.hpp)
  Mode mode = Mode::standby;
  Work work = Work::stopped;
  std::string detail;  ///< of the workload: how it ended, what its check says
  int pid = -1;
  Epoch epoch;
  WallTime now{};
  WallTime started{};  ///< the supervisor
  WallTime changed{};  ///< the workload's status
  std::optional<LastActivation> activation;
  std::optional<SnapshotInfo> snapshot;  ///< the newest that this site restored or saved
  std::optional<LastPush> push;
  bool unsaved = false;        ///< what the stopped workload left is not in the store
  std::string unsaved_detail;  ///< where it is, and what becomes of it; empty: nothing is unsaved
  LeaseFacts lease;
  WatchdogState watchdog = WatchdogState::off;
  std::uint64_t restarts = 0, activations = 0, failed_activations = 0, pushes = 0, failed_pushes = 0;
};

/// "healthy", "standby", "starting", "stopping", "unhealthy", "failed".
[[nodiscard]] const char* status_of(const Facts& facts);
/// The body of /health.
[[nodiscard]] nlohmann::json to_json(const Facts& facts);
/// 200, or 503 when the workload ought to serve and does not (yet), or could not be started.
[[nodiscard]] int http_status_of(const Facts& facts);
/// Prometheus' text form.
[[nodiscard]] std::string to_metrics(const Facts& facts);

}  // namespace understudy::agent
