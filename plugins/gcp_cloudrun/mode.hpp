// The two ways of a standby on Cloud Run: started by the control plane, or by a supervisor that is always up.
// [worker threads]
#pragma once

#include <memory>

#include "cloud_run.hpp"
#include "diagnosis.hpp"
#include "supervisor.hpp"
#include "understudy/types.hpp"

namespace gcp {

struct ModeSettings {
  Role role;
  understudy::sdk::Json env = understudy::sdk::Json::object();  ///< more variables for the workload
  understudy::sdk::Millis quiet_manual{15'000};    ///< after which nothing of a service switched off lives any more
  understudy::sdk::Millis quiet_minimum{900'000};  ///< likewise of one that is merely not kept
  std::int64_t instances = 1;
  std::string url;  ///< of the service; empty: as Cloud Run says
};

class Mode {
 public:
  Mode() = default;
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;
  virtual ~Mode() = default;
  [[nodiscard]] virtual understudy::sdk::Observation observe(const Deadline& deadline) = 0;
  [[nodiscard]] virtual understudy::sdk::Observation activate(const understudy::sdk::ActivateRequest& request,
                                                              const Deadline& deadline) = 0;
  [[nodiscard]] virtual understudy::sdk::StopReport deactivate(const understudy::sdk::DeactivateRequest& request,
                                                               const Deadline& deadline) = 0;
  /// Makes the next activation quick without starting the workload.
  [[nodiscard]] virtual understudy::sdk::PrewarmReport prewarm(const Deadline& deadline) = 0;
  /// To the newest ready revision before the present one. What runs is started again with its epoch.
  [[nodiscard]] virtual understudy::sdk::RollbackReport rollback(const understudy::sdk::RollbackRequest& request,
                                                                 const Deadline& deadline) = 0;
};

[[nodiscard]] std::unique_ptr<Mode> control_plane(understudy::sdk::Host& host, CloudRun& run, ModeSettings settings);
[[nodiscard]] std::unique_ptr<Mode> supervised(understudy::sdk::Host& host, CloudRun& run, Supervisor& supervisor,
                                               ModeSettings settings);

/// What the control plane alone shows of a service whose containers are the workload. Pure.
[[nodiscard]] understudy::sdk::Observation seen(const ServiceView& service, const ModeSettings& settings);

}  // namespace gcp
