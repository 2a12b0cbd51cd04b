// understudy run: the orchestrator itself.
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/server/run.hpp"

namespace understudy::cli {

void add_run(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("run", "Run the orchestrator until it is told to stop");
  command->callback([&cx] { cx.exit_code = server::run_orchestrator(cx.files()); });
}

}  // namespace understudy::cli
