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

struct Facts {
  std::string service;
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
  bool unsaved = false;  ///< what the stopped workload left is not in the store
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
