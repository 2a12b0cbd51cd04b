// understudy plugin list, info: offline, from the manifests.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/config/loader.hpp"
#include "core/plugins/plugin_host.hpp"
#include "core/runtime/load.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;

std::unique_ptr<plugins::Registry> registry(const Context& cx) {
  const auto orchestrator = config::load_orchestrator_only(cx.files(), config::process_environment());
  return runtime::make_registry(orchestrator ? orchestrator->plugin_path : std::vector<std::filesystem::path>());
}

/// How the running orchestrator's plugins have behaved; empty when none runs.
Json live_stats(Context& cx) {
  const auto orchestrator = config::load_orchestrator_only(cx.files(), config::process_environment());
  std::error_code ec;
  if (!orchestrator || !std::filesystem::exists(orchestrator->data_dir / "understudy.sock", ec)) return Json::object();
  const auto answer = Client(orchestrator->data_dir).request("GET", "/v1/status", nullptr, std::chrono::seconds(5));
  const auto* reply = std::get_if<Reply>(&answer);
  return reply != nullptr && reply->ok() ? reply->body.value("plugins", Json::object()) : Json::object();
}

std::string stats_text(const Json& s) {
  const auto calls = s.value("calls", std::int64_t{0});
  std::string out = fmt::format("{} calls, {:.0f} us each", calls,
                                calls > 0 ? s.value("time_us", 0.0) / static_cast<double>(calls) : 0.0);
  if (s.value("failures", 0) > 0) out += fmt::format(", {} failed", s.value("failures", 0));
  if (s.value("crashes", 0) > 0)
    out += coloured(fmt::format(", {} crashes, {} restarts", s.value("crashes", 0), s.value("restarts", 0)), 31);
  return out;
}

void list_plugins(Context& cx) {
  Json all = Json::array();
  const Json live = live_stats(cx);
  const auto found = registry(cx);
  for (const auto& [path, one] : found->all()) {
    if (const auto* error = std::get_if<plugins::LoadError>(&one)) {
      all.push_back({{"path", path.string()}, {"error", error->message}});
      if (!cx.json) print(fmt::format("{:<16} {}\n", path.stem().string(), coloured(error->message, 31)));
      continue;
    }
    const auto& m = std::get<std::shared_ptr<plugins::Library>>(one)->manifest();
    std::string interfaces;
    for (const auto& [name, body] : m.interfaces.items()) interfaces += (interfaces.empty() ? "" : ", ") + name;
    all.push_back(
        {{"path", path.string()}, {"name", m.name}, {"version", m.version}, {"interfaces", m.interfaces.size()}});
    if (live.contains(m.name)) all.back()["stats"] = live.at(m.name);
    if (cx.json) continue;
    print(fmt::format("{:<16} {:<8} {:<18} {}\n", m.name, m.version, interfaces, m.summary));
    if (live.contains(m.name)) print(fmt::format("{:<16} {}\n", "", stats_text(live.at(m.name))));
  }
  if (cx.json) print(Json{{"schema", 1}, {"plugins", all}}.dump(2) + "\n");
}

std::string type_text(const Json& property) {
  if (property.value("x-secret", false)) return "secret";
  if (property.contains("format")) return property.at("format").get<std::string>();
  if (!property.contains("type")) return "any";
  return property.at("type").is_string() ? property.at("type").get<std::string>() : property.at("type").dump();
}

void info(Context& cx, const std::string& name) {
  const auto found = registry(cx);
  auto one = found->find(name);
  if (const auto* error = std::get_if<plugins::LoadError>(&one)) return cx.fail(wrong_use, error->message, error->hint);
  const auto& m = std::get<std::shared_ptr<plugins::Library>>(one)->manifest();
  if (cx.json) return print(m.raw.dump(2) + "\n");
  print(fmt::format("{} {} ({})\n{}\n", m.name, m.version, m.license, m.summary));
  for (const auto& [interface_name, body] : m.interfaces.items()) {
    print(fmt::format("\nas {}: {}\n", interface_name, body.at("provides").dump()));
    const auto& schema = body.value("settings", Json::object());
    const auto required = schema.value("required", std::vector<std::string>());
    for (const auto all = schema.value("properties", Json::object()); const auto& [key, property] : all.items()) {
      const bool needed = std::ranges::find(required, key) != required.end();
      print(fmt::format("  {:<18} {:<10} {:<22} {}\n", key, type_text(property),
                        needed                         ? "required"
                        : property.contains("default") ? "default " + property.at("default").dump()
                                                       : "",
                        property.value("description", "")));
    }
  }
}

}  // namespace

/// What the orchestrator runs for an isolated plugin; not for people.
void add_plugin_host(CLI::App& app, Context& cx) {
  auto* host = app.add_subcommand("plugin-host", "")->group("");
  auto library = std::make_shared<std::string>();
  auto describe = std::make_shared<bool>(false);
  host->add_option("library", *library)->required();
  host->add_flag("--describe", *describe);
  host->callback([&cx, library, describe] {
    cx.exit_code = *describe ? plugins::describe_plugin(*library) : plugins::run_plugin_host(*library);
  });
}

void add_plugin(CLI::App& app, Context& cx) {
  add_plugin_host(app, cx);
  auto* family = app.add_subcommand("plugin", "The plugins that are found");
  family->require_subcommand(1);
  add_plugin_new(*family, cx);
  add_plugin_call(*family, cx);
  add_plugin_schema(*family, cx);
  add_plugin_test(app, *family, cx);
  auto* all = family->add_subcommand("list", "List them");
  all->add_flag("--json", cx.json, "machine-readable");
  all->callback([&cx] { list_plugins(cx); });
  auto* one = family->add_subcommand("info", "Show one: what it offers, and its settings");
  auto name = std::make_shared<std::string>();
  one->add_option("name", *name, "the plugin")->required();
  one->add_flag("--json", cx.json, "machine-readable: the manifest");
  one->callback([&cx, name] { info(cx, *name); });
}

}  // namespace understudy::cli
