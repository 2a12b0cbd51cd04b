// The file of `understudy agent`: what stands beside one workload. docs/agent.md
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config/loader.hpp"

namespace understudy::config {

/// The lease without which the workload is not run. docs/agent.md
struct AgentLease {
  std::string url;  ///< of the orchestrator, without a slash at its end
  SecretRef key;
  TargetId target;    ///< this place, as the orchestrator's file has it
  bool hold = false;  ///< store_outage = "hold": it keeps running when nobody answers
  Millis renew_every{3'000};
  Millis op_timeout{4'000};
  Millis kill_time{5'000};  ///< from the order to end until nothing of the workload runs
  bool watchdog = true;
  std::filesystem::path ca_file;  ///< empty: the system's authorities
};

struct Agent {
  ServiceId service;
  std::string listen;              ///< "0.0.0.0:8080"; any address
  SecretRef api_key;               ///< who shows it may activate, deactivate and read metrics
  std::filesystem::path data_dir;  ///< absolute: ledger and work files
  std::vector<std::filesystem::path> plugin_path;
  Millis stop_grace{10'000};  ///< TERM → KILL
  std::vector<Millis> restart{Millis(5'000), Millis(10'000), Millis(20'000)};
  Millis stable_after{60'000};   ///< a run of this length counts as a start that worked
  bool leave_when_done = false;  ///< a workload that ends with exit code 0 is done: save, and end too
  std::optional<State> state;
  std::string store_setting;  ///< the setting of the state store that /activate may name; empty: none
  std::optional<AgentLease> lease;
  std::vector<PluginUse> health;  ///< of the workload, in order; empty: it lives, so it is well
  Millis health_interval{5'000};
  Millis start_grace{30'000};  ///< failing checks do not count this long after a start
  std::map<std::string, PluginUse> secret_sources;
  std::string log_level = "info", log_format = "text";
};

struct AgentResult {
  std::optional<Agent> agent;           ///< absent when there is an error
  std::vector<Diagnostic> diagnostics;  ///< errors and warnings
};

/// Gets plugin_path once it is known.
using MakeAgentSchemas = std::function<SchemaSource&(const std::vector<std::filesystem::path>& plugin_path)>;
[[nodiscard]] AgentResult load_agent(const std::vector<std::filesystem::path>& files,
                                     const MakeAgentSchemas& make_schemas, const Environment& environment);

}  // namespace understudy::config
