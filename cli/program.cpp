#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {

int run_cli(int argc, char** argv) {
  CLI::App app("Understudy keeps one stateful service running in exactly one place.", "understudy");
  Context cx;
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-c,--config", cx.config_files,
                 "the configuration; a second one overlays the first (default: ./orchestrator.toml)");
  add_check(app, cx);
  add_run(app, cx);
  add_agent(app, cx);
  add_status(app, cx);
  add_plan(app, cx);
  add_rehearse(app, cx);
  add_moves(app, cx);
  add_target(app, cx);
  add_drill(app, cx);
  add_pause(app, cx);
  add_alert(app, cx);
  add_snapshot(app, cx);
  add_history(app, cx);
  add_plugin(app, cx);
  add_completion(app, cx);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? done : wrong_use;
  }
  return cx.exit_code;
}

}  // namespace understudy::cli
