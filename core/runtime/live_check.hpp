// `understudy check --live`: what the file names, asked once. Reads secrets, observes and diagnoses targets, runs
// health checks, lists state stores; starts, stops, saves and sends nothing. Runs a loop of its own and returns when
// all have answered. What comes back is for a person: one finding a thing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"
#include "core/plugins/registry.hpp"

namespace understudy::runtime {

struct Finding {
  enum class Level { ok, warning, failed };
  Level level = Level::ok;
  std::string kind;  ///< "secret", "target", "diagnosis", "health", "ready", "state", "network"
  std::string name;  ///< "trader/fly", "env FLY_API_TOKEN"
  std::string message, hint;
};
[[nodiscard]] std::string_view to_string(Finding::Level level) noexcept;

/// In the order of the file. `config` and `registry` are of one load().
[[nodiscard]] std::vector<Finding> live_check(const config::Config& config, plugins::Registry& registry);

}  // namespace understudy::runtime
