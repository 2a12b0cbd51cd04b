// understudy check, explain: is the file right? Offline: asks no provider and starts nothing.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/runtime/load.hpp"

namespace understudy::cli {
namespace {

std::string summary(const config::Config& c) {
  std::string out;
  for (const auto& s : c.services) {
    const auto& d = s.detect;
    // The slowest way to the decision: a check that times out each time, at the interval first and then at the fast
    // one.
    const auto worst = d.interval + d.timeout + (d.fast_interval + d.timeout) * (d.fall - 1);
    out += fmt::format("service {}: primary {}, {} standby{}; down is noticed within {} in the worst case\n",
                       s.id.value, s.primary.value, s.targets.size() - 1, s.targets.size() == 2 ? "" : "s",
                       human_duration(worst.count()));
    for (const auto& t : s.targets)
      out += fmt::format("    {:<16} {} ({} health checks)\n", t.id.value, t.use.plugin, t.health.size());
  }
  return out;
}

void check(Context& cx) {
  const auto files = cx.files();
  const auto loaded = runtime::load(files);
  const auto& result = loaded.result;
  cx.exit_code = result.config ? done : wrong_use;
  if (cx.json) {
    nlohmann::json services = nlohmann::json::array();
    if (result.config) {
      for (const auto& s : result.config->services)
        services.push_back({{"service", s.id.value}, {"primary", s.primary.value}, {"targets", s.targets.size()}});
    }
    return print(nlohmann::json{{"schema", 1},
                                {"ok", result.config.has_value()},
                                {"diagnostics", config::to_json(result.diagnostics)},
                                {"services", services}}
                     .dump(2) +
                 "\n");
  }
  std::fputs(config::render(result.diagnostics, on_terminal(2)).c_str(), stderr);
  if (result.config) print(summary(*result.config) + coloured("ok", 32) + "\n");
}

}  // namespace

void add_check(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("check", "Check the configuration; touches nothing");
  command->add_flag("--json", cx.json, "machine-readable");
  command->callback([&cx] { check(cx); });

  auto* explain = app.add_subcommand("explain", "Explain a diagnostic, such as E0102");
  auto code = std::make_shared<std::string>();
  explain->add_option("code", *code, "the code")->required();
  explain->callback([&cx, code] {
    const auto text = config::explain(*code);
    if (text.empty()) return cx.fail(wrong_use, "there is no diagnostic " + *code);
    print(*code + ": " + std::string(text) + "\n");
  });
}

}  // namespace understudy::cli
