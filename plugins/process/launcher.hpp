// Starts a command that outlives us: a session and a process group of its own, its output in a file, none of our
// descriptors. The process waits until `record` has stored who it is; when we die before that, it never runs.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace process_plugin {

struct LaunchSpec {
  std::vector<std::string> argv;
  std::string cwd, log_file;
  std::map<std::string, std::string> env;  ///< added to ours
};

/// The pid of the running command. Throws sdk::Failure: `invalid` when it cannot be executed, `transient` otherwise.
[[nodiscard]] int launch(const LaunchSpec& spec, const std::function<void(int pid)>& record);

}  // namespace process_plugin
