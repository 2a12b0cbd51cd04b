// What containers say of a project, as the engine's inspect shows them. Pure.
// Fields: Docker Engine API 1.41, ContainerInspect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "project.hpp"

namespace compose_plugin {

inline constexpr const char* label_project = "com.docker.compose.project";
inline constexpr const char* label_service = "com.docker.compose.service";
inline constexpr const char* label_epoch = "understudy.epoch";
inline constexpr const char* label_drill = "understudy.drill";

struct Container {
  std::string id, name, service;
  std::string status;          ///< created, running, paused, restarting, removing, exited, dead
  std::string health;          ///< "", starting, healthy, unhealthy
  std::string restart_policy;  ///< "", no, always, unless-stopped, on-failure
  std::vector<std::string> depends_on;
  std::optional<std::uint64_t> epoch;  ///< that it was made for
  std::string drill;                   ///< likewise, of a copy
  std::int64_t exit_code = 0, restarts = 0;

  /// Throws Json::exception when this is no inspected container.
  [[nodiscard]] static Container from_inspect(const understudy::sdk::Json& inspected);
  /// It has processes, or the engine will give it some by itself.
  [[nodiscard]] bool lives() const { return status == "running" || status == "paused" || status == "restarting"; }
  [[nodiscard]] bool failed() const {
    return status == "dead" || status == "restarting" || restarts > 0 || (status == "exited" && exit_code != 0);
  }
  [[nodiscard]] bool done() const { return status == "exited" && exit_code == 0; }
};
using Containers = std::vector<Container>;

[[nodiscard]] Containers living(const Containers& all);
/// The newest epoch that any of them, stopped ones too, was made for.
[[nodiscard]] std::optional<std::uint64_t> newest_epoch(const Containers& containers);
[[nodiscard]] std::string describe(const Containers& containers);
[[nodiscard]] understudy::sdk::Observation observation_of(const Containers& all);
/// Those of `running` that no other one depends on: what may be stopped next. All of them when they form a ring.
[[nodiscard]] Containers first_to_stop(const Containers& running);
/// `weak`: a container without a healthcheck that merely runs counts as degraded.
[[nodiscard]] understudy::sdk::CheckResult health_of(const Containers& all, const Project& project, bool weak);

}  // namespace compose_plugin
