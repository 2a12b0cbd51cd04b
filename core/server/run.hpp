// The orchestrator as a process: configuration, journal, loop, API, signals, systemd.
#pragma once

#include <filesystem>
#include <vector>

namespace understudy::server {

/// Runs until SIGTERM or SIGINT. SIGHUP reloads. The exit code: 0 ended on request, 1 error, 2 bad configuration.
[[nodiscard]] int run_orchestrator(const std::vector<std::filesystem::path>& files);

}  // namespace understudy::server
