// What every command shares: where the configuration is, how to answer, and the exit codes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/client.hpp"

namespace CLI {
class App;
}

namespace understudy::cli {

/// docs/cli.md
enum ExitCode {
  done = 0,
  failed = 1,
  wrong_use = 2,
  changes_pending = 3,
  stale = 4,
  refused = 5,
  unverified = 6,
  unreachable = 7
};

struct Context {
  std::vector<std::string> config_files;  ///< as given with -c
  bool json = false;
  int exit_code = done;

  /// The files to read: those given, or the first that exists of ./orchestrator.toml, the user's and the system's.
  [[nodiscard]] std::vector<std::filesystem::path> files() const;
  /// A client for the orchestrator of these files; nothing after an error was said.
  [[nodiscard]] std::optional<Client> client();
  /// Asks; says what went wrong and sets the exit code when it did.
  [[nodiscard]] std::optional<nlohmann::json> ask(const std::string& method, const std::string& path,
                                                  const nlohmann::json& body = nullptr,
                                                  std::chrono::milliseconds timeout = std::chrono::seconds(30));
  void fail(int code, const std::string& message, const std::string& hint = {});
};

[[nodiscard]] std::string user_at_host();
[[nodiscard]] bool on_terminal(int fd);
/// "3m 12s"
[[nodiscard]] std::string human_duration(std::int64_t ms);
[[nodiscard]] std::string clock_time(std::int64_t ms_since_1970);
/// Bold red, green, yellow on a terminal that wants colours.
[[nodiscard]] std::string coloured(const std::string& text, int colour);
[[nodiscard]] std::string url_escaped(const std::string& text);
void print(const std::string& text);

// One file a command, or a family of them.
void add_check(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_agent(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_plan(CLI::App& app, Context& context);
void add_rehearse(CLI::App& app, Context& context);
void add_moves(CLI::App& app, Context& context);
void add_alert(CLI::App& app, Context& context);
void add_target(CLI::App& app, Context& context);
void add_drill(CLI::App& app, Context& context);
void add_pause(CLI::App& app, Context& context);
void add_snapshot(CLI::App& app, Context& context);
void add_history(CLI::App& app, Context& context);
void add_plugin(CLI::App& app, Context& context);
void add_plugin_new(CLI::App& plugin_family, Context& context);
void add_plugin_call(CLI::App& plugin_family, Context& context);
void add_plugin_schema(CLI::App& plugin_family, Context& context);
void add_plugin_test(CLI::App& app, CLI::App& plugin_family, Context& context);
void add_completion(CLI::App& app, Context& context);

/// The whole program.
[[nodiscard]] int run_cli(int argc, char** argv);

}  // namespace understudy::cli
