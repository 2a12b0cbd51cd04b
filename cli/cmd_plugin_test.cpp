// understudy plugin test: the conformance kit.
#include <fstream>
#include <random>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "cli/plugin_tools.hpp"
#include "core/config/plugin_file.hpp"
#include "core/conformance/report.hpp"

namespace understudy::cli {
namespace {

struct PluginTestOptions {
  std::string library, settings, isolation = "both", only, junit;
  std::uint64_t seed = 0;
};

void test(Context& cx, const PluginTestOptions& o) {
  const auto library = find_library(cx, o.library);
  if (!library) return;
  if (!read_plugin_settings(cx, *library, o.settings)) return;  // what is wrong with them is said once, here
  conformance::Plan plan;
  plan.library = *library;
  plan.program = this_program();
  plan.settings_file = o.settings;
  plan.only = o.only;
  plan.seed = o.seed != 0 ? o.seed : std::random_device{}();
  if (o.isolation != "both") plan.isolations = {o.isolation == "process" ? "process" : "loop"};
  const bool colour = on_terminal(1);
  const auto all = conformance::run_all(plan, [&](const conformance::Outcome& outcome) {
    if (!cx.json) print(conformance::line_of(outcome, colour));
  });
  const auto name = library->stem().string();
  if (!o.junit.empty() && !(std::ofstream(o.junit) << conformance::to_junit(all, name, plan.seed)).flush())
    cx.fail(failed, o.junit + " cannot be written");
  if (all.empty()) return cx.fail(wrong_use, "no case is called \"" + o.only + "\"");
  if (conformance::count(all, conformance::Verdict::failed) > 0) cx.exit_code = failed;
  print(cx.json ? conformance::to_json(all, name, plan.seed).dump(2) + "\n" : conformance::summary(all, plan.seed));
}

/// What `plugin test` runs for each case; not for people.
void add_plugin_case(CLI::App& app, Context& cx) {
  auto* one = app.add_subcommand("plugin-case", "")->group("");
  auto words = std::make_shared<std::vector<std::string>>();
  one->add_option("words", *words)->expected(6);
  one->callback([&cx, words] {
    const auto& w = *words;
    conformance::Single single;
    single.library = w[0];
    single.index = std::stoul(w[1]);
    single.seed = std::stoull(w[2]);
    single.isolation = w[3] == "-" ? "" : w[3];
    single.interface_name = w[4] == "-" ? "" : w[4];
    single.program = this_program();
    if (w[5] != "-") {
      auto uses = read_plugin_settings(cx, single.library, w[5]);
      if (!uses) return;
      single.uses = std::move(*uses);
      single.tamper = config::load_kit_options(w[5]).tamper;
    }
    cx.exit_code = conformance::run_single(single);
  });
}

}  // namespace

void add_plugin_test(CLI::App& app, CLI::App& family, Context& cx) {
  add_plugin_case(app, cx);
  auto* command = family.add_subcommand("test", "Try a plugin against every rule of the boundary");
  auto o = std::make_shared<PluginTestOptions>();
  command->add_option("library", o->library, "NAME.so, or a plugin's name")->required();
  command->add_option("--settings", o->settings, "a TOML file with a table for each interface to be tried");
  command->add_option("--isolation", o->isolation, "both (default), loop or process")
      ->check(CLI::IsMember({"both", "loop", "process"}));
  command->add_option("--only", o->only, "only the cases whose name contains this");
  command->add_option("--seed", o->seed, "repeats a run (default: a new one)");
  command->add_option("--junit", o->junit, "also write a JUnit XML report to this file");
  command->add_flag("--json", cx.json, "machine-readable");
  command->footer(
      "The cases of a target start and stop the workload of the settings, those of a store push and prune snapshots of "
      "a\n"
      "service \"conformance-…\", those of a notifier send messages: use settings made for this.");
  command->callback([&cx, o] { test(cx, *o); });
}

}  // namespace understudy::cli
