// A stated scenario for `understudy rehearse --scenario FILE`: what fails, when and for how long, in place of chance.
//   lasts = "7d"                  how long the rehearsal goes on; default: a day past the last outage
//   outage = [
//     { at = "1h", target = "home", for = "30m" },
//     { at = "2d", target = "home", for = "2h", what = "unreachable" },
//   ]
#pragma once

#include <filesystem>
#include <vector>

#include "core/config/loader.hpp"

namespace understudy::config {

struct ScenarioOutage {
  enum class What { down, unreachable, control_plane, our_network } what = What::down;
  std::string service;  ///< empty: every service that has the target
  TargetId target;      ///< empty only for our_network
  Millis at{0}, lasts{0};
};

struct ScenarioFile {
  std::optional<Millis> lasts;
  std::vector<ScenarioOutage> outages;
  std::vector<Diagnostic> diagnostics;
  [[nodiscard]] bool ok() const;
};

[[nodiscard]] ScenarioFile load_scenario(const std::filesystem::path& file, const Config& config,
                                         const Environment& environment);

}  // namespace understudy::config
