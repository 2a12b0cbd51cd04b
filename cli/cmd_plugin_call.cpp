// understudy plugin call, record, replay: one instance of a plugin driven line by line, for its author and for tests in
// any language; what it asks of its host kept in a cassette, and played back.
#include <algorithm>
#include <fstream>
#include <map>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "cli/plugin_lines.hpp"
#include "cli/plugin_tools.hpp"
#include "core/config/plugin_file.hpp"
#include "core/conformance/recorder.hpp"
#include "core/conformance/replayer.hpp"
#include "core/host/real_services.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;

struct PluginCallOptions {
  std::string library, interface_name = "health", settings, isolation = "loop", service = "service", target = "target";
  std::string cassette;                ///< to be written; empty: not recorded
  std::vector<std::string> stand_ins;  ///< KEY=TEXT
};

std::optional<config::PluginUse> settings_of(Context& cx, const PluginCallOptions& o,
                                             const std::filesystem::path& library) {
  if (o.settings.ends_with(".json")) {
    try {
      return config::load_plugin_json(o.settings, library.stem().string());
    } catch (const std::runtime_error& e) {
      cx.fail(wrong_use, e.what());
      return std::nullopt;
    }
  }
  auto all = read_plugin_settings(cx, library, o.settings);
  if (!all) return std::nullopt;
  return (*all)[o.interface_name];
}

/// None when one of them is no KEY=TEXT.
std::optional<std::map<std::string, std::string>> stand_ins_of(const std::vector<std::string>& words) {
  std::map<std::string, std::string> out;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) return std::nullopt;
    out[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return out;
}

void call(Context& cx, const PluginCallOptions& o) {
  const auto stand_ins = stand_ins_of(o.stand_ins);
  if (!stand_ins) return cx.fail(wrong_use, "a stand-in is KEY=TEXT", "--stand-in token=123456:no-token");
  const auto library = find_library(cx, o.library);
  if (!library) return;
  auto use = settings_of(cx, o, *library);
  if (!use) return;
  use->isolation = o.isolation;
  host::Logger log("debug", "text");
  conformance::Recorder* recorder = nullptr;
  conformance::Session session(*library, this_program(), log, [&](boost::asio::io_context& loop) {
    auto made = std::make_unique<conformance::Recorder>(host::make_services(loop, log), *stand_ins);
    recorder = made.get();
    return made;
  });
  conformance::Cassette cassette{library->stem().string(), "", o.interface_name, o.service, o.target, 0, {}, {}, {}};
  cassette.recorded_at_ms =
      std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
  auto made = session.make(*use, o.interface_name, o.service, o.target);
  if (const auto* error = std::get_if<plugins::LoadError>(&made)) return cx.fail(failed, error->message, error->hint);
  auto& instance = std::get<std::unique_ptr<plugins::Instance>>(made);
  serve_lines(session, *instance, [&](conformance::Step step) { cassette.steps.push_back(std::move(step)); });
  if (o.cassette.empty()) return;
  if (auto known = session.library(); const auto* one = std::get_if<std::shared_ptr<plugins::Library>>(&known))
    cassette.version = (*one)->manifest().version;
  std::ranges::stable_sort(cassette.steps, {}, &conformance::Step::at_ms);
  cassette.settings = recorder->without_secrets(use->settings);
  cassette.exchanges = recorder->exchanges();
  for (auto& step : cassette.steps) {
    step.params = recorder->without_secrets(step.params);
    step.answer = recorder->without_secrets(step.answer);
  }
  std::ofstream out(o.cassette);
  const auto folder = std::filesystem::absolute(o.cassette).parent_path().string();
  out << conformance::replaced(conformance::to_json(cassette), folder, conformance::here)
             .dump(1, ' ', false, Json::error_handler_t::replace)
      << "\n";
  if (!out.flush()) cx.fail(failed, o.cassette + " cannot be written");
}

void replay(Context& cx, const PluginCallOptions& o) {
  const auto library = find_library(cx, o.library);
  if (!library) return;
  try {
    host::Logger log("warning", "text");
    const auto cassette = conformance::read_cassette(o.cassette);
    const auto differences = conformance::replay(*library, this_program(), log, cassette);
    for (const auto& d : differences) print(d + "\n");
    if (!differences.empty())
      return cx.fail(failed, std::to_string(differences.size()) + " differences from " + o.cassette,
                     "record it anew when the plugin is meant to behave so");
    print(std::to_string(cassette.steps.size()) + " steps answered as they were recorded\n");
  } catch (const std::runtime_error& e) {
    cx.fail(wrong_use, e.what());
  }
}

void add_driving(CLI::App& command, const std::shared_ptr<PluginCallOptions>& o) {
  command.add_option("library", o->library, "NAME.so, or a plugin's name")->required();
  command.add_option("--interface", o->interface_name, "health, target, state, notifier or secrets")
      ->check(CLI::IsMember({"health", "target", "state", "notifier", "secrets"}));
  command.add_option("--settings", o->settings, "a TOML file with a table for the interface, or a JSON file");
  command.add_option("--isolation", o->isolation, "loop (default), thread or process")
      ->check(CLI::IsMember({"loop", "thread", "process"}));
  command.add_option("--service", o->service, "the service's name as the plugin is told it");
  command.add_option("--target", o->target, "the target's name");
  command.footer(
      "Each line of the input is {\"method\": \"health.check/1\", \"params\": {...}, \"budget_ms\": 5000}; each line "
      "of the\n"
      "output {\"status\": \"ok\", \"result\": {...}} or {\"status\": \"transient\", \"error\": {\"message\": ...}}, "
      "as the answers come.");
}

}  // namespace

void add_plugin_call(CLI::App& family, Context& cx) {
  auto o = std::make_shared<PluginCallOptions>();
  auto* one = family.add_subcommand("call", "Drive one instance: JSON lines in, JSON lines out");
  add_driving(*one, o);
  one->callback([&cx, o] { call(cx, *o); });

  auto r = std::make_shared<PluginCallOptions>();
  auto* record =
      family.add_subcommand("record", "The same, keeping what it asks of its host in a cassette, without secrets");
  add_driving(*record, r);
  record->add_option("--to", r->cassette, "the cassette to write (JSON)")->required();
  record->add_option("--stand-in", r->stand_ins,
                     "KEY=TEXT: what to write for the secret setting KEY, when the plugin looks at its form");
  record->callback([&cx, r] { call(cx, *r); });

  auto p = std::make_shared<PluginCallOptions>();
  auto* back = family.add_subcommand("replay", "Play a cassette: no network, virtual time; are the answers the same?");
  back->add_option("library", p->library, "NAME.so, or a plugin's name")->required();
  back->add_option("cassette", p->cassette, "the cassette")->required();
  back->callback([&cx, p] { replay(cx, *p); });
}

}  // namespace understudy::cli
