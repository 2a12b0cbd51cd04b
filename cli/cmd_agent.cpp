// understudy agent -- COMMAND: the supervisor beside a workload; and its watchdog.
#include <climits>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/agent/run.hpp"
#include "core/agent/watchdog_process.hpp"

namespace understudy::cli {
namespace {

/// What the agent runs beside itself; not for people.
void add_watchdog(CLI::App& app, Context& cx) {
  auto* one = app.add_subcommand("agent-watchdog", "")->group("");
  auto agent = std::make_shared<int>(0);
  one->add_option("pid", *agent)->required()->check(CLI::Range(1, INT_MAX));
  one->callback([&cx, agent] { cx.exit_code = agent::watch_over_agent(*agent, 3); });
}

}  // namespace

void add_agent(CLI::App& app, Context& cx) {
  add_watchdog(app, cx);
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
