// understudy agent -- COMMAND: the supervisor beside a workload.
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/agent/run.hpp"

namespace understudy::cli {

void add_agent(CLI::App& app, Context& cx) {
  auto* one =
      app.add_subcommand("agent", "Keep one workload: restore its state, start it when told, save what it leaves");
  auto command = std::make_shared<std::vector<std::string>>();
  one->add_option("command", *command, "the workload and its arguments, behind --")->required();
  one->positionals_at_end();
  one->footer("It reads [agent] of the file given with -c (default: ./agent.toml). docs/agent.md");
  one->callback([&cx, command] {
    const std::vector<std::filesystem::path> given(cx.config_files.begin(), cx.config_files.end());
    cx.exit_code = agent::run_agent(given.empty() ? std::vector<std::filesystem::path>{"agent.toml"} : given, *command);
  });
}

}  // namespace understudy::cli
