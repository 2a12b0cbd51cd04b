// `understudy agent`, from its files to its end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace understudy::agent {

/// Returns the exit code of docs/cli.md. `command`: the workload; at least one word.
[[nodiscard]] int run_agent(const std::vector<std::filesystem::path>& files, const std::vector<std::string>& command);

}  // namespace understudy::agent
