// Rules of the library as a whole: what it exports, and what its manifest says.
#include <algorithm>
#include <map>

#include <boost/dll/library_info.hpp>

#include "core/conformance/case.hpp"

namespace understudy::conformance {
namespace {

using sdk::Json;

void loads(Bench& bench) { (void)bench.described(); }

void exports(Bench& bench) {
  std::string others;
  int count = 0;
  std::vector<std::string> symbols;
  try {
    boost::dll::library_info info(bench.library.string());
    const auto sections = info.sections();
    for (const auto& section : sections) {
      if (section.empty()) continue;  // what it takes from other libraries
      const auto here = info.symbols(section);
      symbols.insert(symbols.end(), here.begin(), here.end());
    }
  } catch (const std::exception& e) {
    throw Skipped(std::string("its symbols cannot be read: ") + e.what());
  }
  // What the author named comes before what the compiler did.
  std::ranges::stable_partition(symbols, [](const std::string& name) { return name.rfind("_Z", 0) != 0; });
  for (const auto& name : symbols) {
    if (name == US_PLUGIN_SYMBOL || name == "_init" || name == "_fini" || name.rfind("__", 0) == 0) continue;
    if (++count <= 3) others += (others.empty() ? "" : ", ") + name;
  }
  expect(count == 0, "it exports " + std::to_string(count) + " symbols beside " US_PLUGIN_SYMBOL " (" + others +
                         (count > 3 ? ", …" : "") + "): build it with understudy_add_plugin(), or a version script");
}

const std::map<std::string, std::vector<std::string>>& required_methods() {
  static const std::map<std::string, std::vector<std::string>> all = {
      {"health", {"health.check/1"}},
      {"target", {"standby.observe/1", "standby.activate/1", "standby.deactivate/1"}},
      {"state", {"store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1"}},
      {"notifier", {"notify.send/1"}},
      {"secrets", {"secret.fetch/1"}}};
  return all;
}

void manifest(Bench& bench) {
  const auto library = bench.described();
  const auto& m = library->manifest();
  expect(m.name == bench.library.stem().string(),
         "the manifest's name is \"" + m.name + "\", the file's \"" + bench.library.stem().string() + "\"");
  expect(!m.version.empty(), "the manifest has no version");
  expect(!m.license.empty(), "the manifest names no license");
  expect(!m.summary.empty(), "the manifest has no summary");
  for (const auto& [interface_name, body] : m.interfaces.items()) {
    const auto known = required_methods().find(interface_name);
    expect(known != required_methods().end(), "there is no interface \"" + interface_name + "\"");
    const auto provides = body.value("provides", std::vector<std::string>());
    for (const auto& method : known->second) {
      expect(std::ranges::find(provides, method) != provides.end(),
             "as " + interface_name + " it must provide " + method);
    }
    for (const auto& method : provides)
      expect(method.find('/') != std::string::npos, "\"" + method + "\" has no version: write it as " + method + "/1");
  }
}

bool sounds_secret(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(std::vector<std::string>{"password", "passwd", "secret", "token", "api_key", "apikey"},
                             [&](const std::string& word) { return name == word || name.ends_with("_" + word); });
}

bool default_fits(const Json& property) {
  if (!property.contains("default") || !property.contains("type") || !property.at("type").is_string()) return true;
  const auto& value = property.at("default");
  const auto type = property.at("type").get<std::string>();
  return (type == "string" && value.is_string()) || (type == "integer" && value.is_number_integer()) ||
         (type == "number" && value.is_number()) || (type == "boolean" && value.is_boolean()) ||
         (type == "array" && value.is_array()) || (type == "object" && value.is_object());
}

void settings(Bench& bench) {
  const auto interfaces = bench.described()->manifest().interfaces;
  for (const auto& [interface_name, body] : interfaces.items()) {
    const auto schema = body.value("settings", Json::object());
    const auto properties = schema.value("properties", Json::object());
    for (const auto& [key, property] : properties.items()) {
      const std::string name = interface_name + "." + key;
      expect(!property.value("description", "").empty(), "the setting " + name + " has no description");
      const bool secret = property.value("x-secret", false);
      expect(secret || property.contains("type"), "the setting " + name + " has no type");
      expect(secret || !sounds_secret(key), "the setting " + name + " sounds secret and is not \"x-secret\": true");
      expect(!secret || !property.contains("default"), "the secret " + name + " has a default");
      expect(default_fits(property), "the default of " + name + " is not of its type");
      static const std::vector<std::string> formats{"", "duration", "size", "money", "percent", "path", "url"};
      expect(std::ranges::find(formats, property.value("format", "")) != formats.end(),
             "the setting " + name + " has the unknown format \"" + property.value("format", "") + "\"");
    }
    const auto required = schema.value("required", std::vector<std::string>());
    for (const auto& key : required)
      expect(properties.contains(key), "the required setting " + interface_name + "." + key + " is not described");
  }
}

}  // namespace

void add_library_cases(std::vector<Case>& out) {
  out.push_back({"library/loads", "it is a plugin of this ABI with a readable manifest", "", false, loads});
  out.push_back({"library/exports", "it exports one symbol, so that two plugins share nothing", "", true, exports});
  out.push_back({"library/manifest", "the manifest names the library and the methods that its interfaces require", "",
                 false, manifest});
  out.push_back(
      {"library/settings", "every setting has a type and a description; secrets are marked", "", false, settings});
}

}  // namespace understudy::conformance
