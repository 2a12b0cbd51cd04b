#include <cerrno>
#include <cstdio>
#include <cstring>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

/// What did not get to a redirected output was not said. A reader that has gone needs no more.
int said(int code) {
  if ((std::fflush(stdout) == 0 && std::ferror(stdout) == 0) || errno == EPIPE) return code;
  std::fprintf(stderr, "understudy: the output cannot be written: %s\n", std::strerror(errno));
  return code == done ? failed : code;
}

}  // namespace

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
    return said(code == 0 ? done : wrong_use);
  }
  return said(cx.exit_code);
}

}  // namespace understudy::cli
