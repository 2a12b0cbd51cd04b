#include "core/config/plugin_file.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "core/config/reader.hpp"

namespace understudy::config {
namespace {

using Json = nlohmann::json;

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream buffer;
  buffer << in.rdbuf();
  if (!in) throw std::runtime_error(file.string() + " cannot be read");
  return buffer.str();
}

/// {"$secret": {"env": "NAME"}} anywhere below `value` becomes a secret that the plugin may ask for.
void grant(Json& value, const std::string& path, PluginUse& use) {
  if (!value.is_object()) return;
  if (!value.contains("$secret")) {
    for (auto& [key, inner] : value.items()) grant(inner, path.empty() ? key : path + "." + key, use);
    return;
  }
  const Json from = value.at("$secret");
  for (const char* kind : {"env", "file", "credential"}) {
    if (!from.is_object() || !from.contains(kind)) continue;
    const auto which = std::string(kind) == "env"    ? SecretRef::Kind::env
                       : std::string(kind) == "file" ? SecretRef::Kind::file
                                                     : SecretRef::Kind::credential;
    use.secrets[path] = {which, from.at(kind).get<std::string>()};
  }
  value = {{"$secret", path}};
}

}  // namespace

bool PluginFile::ok() const {
  return std::ranges::none_of(diagnostics, [](const auto& d) { return d.severity == Diagnostic::Severity::error; });
}

PluginFile load_plugin_file(const std::filesystem::path& file, const std::string& plugin, SchemaSource& schemas,
                            const Environment& environment) {
  PluginFile out;
  Reading reading{environment, &schemas, {}, {}, file.string()};
  try {
    const std::string text = content(file);
    std::istringstream split(text);
    for (std::string line; std::getline(split, line);) reading.lines[file.string()].push_back(line);
    const toml::table table = toml::parse(text, file.string());
    Section root(reading, table, "the file");
    for (const char* interface_name : {"health", "target", "state", "notifier", "secrets"}) {
      const auto* one = root.table(interface_name);
      if (one == nullptr) continue;
      Section s(reading, *one, interface_name);
      out.uses[interface_name] = read_use(s, interface_name, plugin);
      s.finish();
    }
    if (const auto* kit = root.table("kit")) {
      Section s(reading, *kit, "kit");
      std::vector<std::string> command;
      s.read("tamper", command);
      s.finish();
    }
    root.finish();
  } catch (const toml::parse_error& e) {
    reading.report("E0101", e.source(), "", std::string(e.description()));
  } catch (const std::runtime_error& e) {
    reading.diagnostics.push_back(
        {"E0101", Diagnostic::Severity::error, e.what(), "name another file", {file.string(), 0, 0}, ""});
  }
  out.diagnostics = std::move(reading.diagnostics);
  return out;
}

KitOptions load_kit_options(const std::filesystem::path& file) {
  KitOptions out;
  try {
    const toml::table table = toml::parse(content(file), file.string());
    if (const auto* command = table["kit"]["tamper"].as_array()) {
      for (const auto& word : *command) out.tamper.push_back(word.value_or(std::string()));
    }
  } catch (const std::exception&) {
    return {};
  }
  return out;
}

PluginUse load_plugin_json(const std::filesystem::path& file, const std::string& plugin) {
  PluginUse use;
  use.plugin = plugin;
  use.settings = Json::parse(content(file), nullptr, false);
  if (!use.settings.is_object()) throw std::runtime_error(file.string() + " holds no JSON object");
  grant(use.settings, "", use);
  return use;
}

}  // namespace understudy::config
