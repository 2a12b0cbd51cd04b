// understudy plugin call: one instance of a plugin, driven line by line: for its author, and for tests in any language.
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>
#include <boost/asio/post.hpp>

#include "cli/context.hpp"
#include "cli/plugin_tools.hpp"
#include "core/config/plugin_file.hpp"
#include "core/conformance/session.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;

struct Options {
  std::string library, interface_name = "health", settings, isolation = "loop", service = "service", target = "target";
};

std::string line_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json answer_of(const sdk::Result& result) {
  if (result.ok()) return {{"status", "ok"}, {"result", result.value}};
  return {{"status", sdk::name_of(result.error.status)}, {"error", result.error.to_json()}};
}

std::optional<config::PluginUse> settings_of(Context& cx, const Options& o, const std::filesystem::path& library) {
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

/// Answers in the order of the questions, one after the other.
class Lines {
 public:
  Lines(conformance::Session& session, plugins::Instance& instance) : session_(session), instance_(instance) {
    instance_.on_notify([](std::string_view topic, const Json& params) {
      std::cerr << line_of({{"topic", topic}, {"params", params}}) << std::flush;
    });
  }
  void serve() {
    // A thread reads: the loop goes on meanwhile, for timers and watches of the plugin.
    std::thread reader([this] {
      for (std::string line; std::getline(std::cin, line);)
        boost::asio::post(session_.loop(), [this, line] { one(line); });
      boost::asio::post(session_.loop(), [this] { ended_ = true; });
    });
    while (!session_.run([this] { return ended_ && waiting_ == 0; }, Millis(3'600'000))) {
    }
    reader.join();
  }

 private:
  void one(const std::string& line) {
    const auto asked = Json::parse(line, nullptr, false);
    if (!asked.is_object() || !asked.contains("method")) {
      std::cout << line_of({{"status", "invalid"}, {"error", {{"message", "no JSON object with a method"}}}})
                << std::flush;
      return;
    }
    ++waiting_;
    instance_.call(asked.at("method").get<std::string>(), asked.value("params", Json::object()),
                   Millis(asked.value("budget_ms", 30'000)), [this](const sdk::Result& result) {
                     --waiting_;
                     std::cout << line_of(answer_of(result)) << std::flush;
                   });
  }

  conformance::Session& session_;
  plugins::Instance& instance_;
  int waiting_ = 0;
  bool ended_ = false;
};

void call(Context& cx, const Options& o) {
  const auto library = find_library(cx, o.library);
  if (!library) return;
  auto use = settings_of(cx, o, *library);
  if (!use) return;
  use->isolation = o.isolation;
  host::Logger log("debug", "text");
  conformance::Session session(*library, this_program(), log);
  auto made = session.make(*use, o.interface_name, o.service, o.target);
  if (const auto* error = std::get_if<plugins::LoadError>(&made)) return cx.fail(failed, error->message, error->hint);
  auto& instance = std::get<std::unique_ptr<plugins::Instance>>(made);
  Lines(session, *instance).serve();
}

}  // namespace

void add_plugin_call(CLI::App& family, Context& cx) {
  auto* command = family.add_subcommand("call", "Drive one instance: JSON lines in, JSON lines out");
  auto o = std::make_shared<Options>();
  command->add_option("library", o->library, "NAME.so, or a plugin's name")->required();
  command->add_option("--interface", o->interface_name, "health, target, state or notifier")
      ->check(CLI::IsMember({"health", "target", "state", "notifier"}));
  command->add_option("--settings", o->settings, "a TOML file with a table for the interface, or a JSON file");
  command->add_option("--isolation", o->isolation, "loop (default), thread or process")
      ->check(CLI::IsMember({"loop", "thread", "process"}));
  command->add_option("--service", o->service, "the service's name as the plugin is told it");
  command->add_option("--target", o->target, "the target's name");
  command->footer(
      "Each line of the input is {\"method\": \"health.check/1\", \"params\": {...}, \"budget_ms\": 5000}; each line "
      "of the\n"
      "output {\"status\": \"ok\", \"result\": {...}} or {\"status\": \"transient\", \"error\": {\"message\": ...}}, "
      "as the answers come.");
  command->callback([&cx, o] { call(cx, *o); });
}

}  // namespace understudy::cli
