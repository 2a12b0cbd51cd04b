#include "core/config/schema.hpp"

#include <algorithm>

#include "core/config/patterns.hpp"
#include "core/config/reader.hpp"
#include "core/config/units.hpp"

namespace understudy::config {
namespace {

using Json = nlohmann::json;

/// One of everything, so that the reader asks for everything.
constexpr std::string_view one_of_everything = R"(
[orchestrator.log]
[[orchestrator.network.reference]]
[service.NAME.budget]
[service.NAME.detect]
[service.NAME.state.keep]
[service.NAME.failback]
[service.NAME.drill]
[service.NAME.limits]
[service.NAME.lease]
[service.NAME.target.NAME.price]
[service.NAME.target.NAME.declared]
[service.NAME.target.NAME.detect]
[service.NAME.target.NAME.rehearse]
[[service.NAME.target.NAME.health]]
[[service.NAME.target.NAME.ready]]
[rehearse]
[[service.NAME.target.NAME.drill_health]]
[notifier.NAME]
[secrets.NAME]
[[route]]
[route.match]
)";

struct Asked {
  std::string section, key;
  Json property;
};

class NoPlugins final : public SchemaSource {
 public:
  std::variant<Json, Problem> schema(const std::string&, const std::string&) override { return Json::object(); }
  std::vector<std::string> names() override { return {}; }
};

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    out.emplace_back(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return out;
}

bool is_list(const std::string& name) {
  static const std::vector<std::string> all{"route", "health", "ready", "drill_health", "reference"};
  return std::ranges::find(all, name) != all.end();
}

/// The object schema of a section, made on the way. "NAME" stands for any name.
Json& section_of(Json& root, const std::string& section) {
  Json* at = &root;
  const auto object = [](Json& node) {
    node["type"] = "object";
    if (!node.contains("additionalProperties")) node["additionalProperties"] = false;
  };
  object(root);
  if (section == "the file") return root;
  for (const auto& part : parts_of(section)) {
    Json& next = part == "NAME" ? (*at)["additionalProperties"] : (*at)["properties"][part];
    if (next.is_boolean()) next = Json::object();
    if (is_list(part)) {
      next["type"] = "array";
      at = &next["items"];
    } else {
      at = &next;
    }
    object(*at);
  }
  return *at;
}

Json with_format(const Json& property, const std::string& format) {
  const Json number = {{"type", "number"}, {"minimum", 0}};
  const auto text = [](const char* pattern) { return Json{{"type", "string"}, {"pattern", pattern}}; };
  if (format == "duration") return text(patterns::duration);
  if (format == "size") return {{"anyOf", {{{"type", "integer"}, {"minimum", 0}}, text(patterns::size)}}};
  if (format == "money") return {{"anyOf", {number, text(patterns::money)}}};
  if (format == "percent") return {{"anyOf", {number, text(patterns::percent)}}};
  Json out = property;
  out.erase("format");
  return out;
}

Json secret_in_file() {
  Json places = Json::array();
  for (const char* kind : {"env", "file", "credential"}) {
    places.push_back({{"type", "object"},
                      {"required", {kind}},
                      {"additionalProperties", false},
                      {"properties", {{kind, {{"type", "string"}}}}}});
  }
  places.push_back({{"type", "object"},
                    {"minProperties", 1},
                    {"maxProperties", 1},
                    {"additionalProperties", false},
                    {"patternProperties", {{"^.+_secret$", {{"type", "string"}}}}}});
  places.push_back({{"type", "string"}});
  return {{"anyOf", std::move(places)}};
}

Json property_in_file(const Json& property) {
  if (property.value("x-secret", false)) {
    Json out = secret_in_file();
    out["description"] = property.value("description", "");
    return out;
  }
  const auto format = property.value("format", "");
  Json out = with_format(property, format);
  if (out.contains("properties")) out = settings_in_file(out);
  if (out.contains("items") && out.at("items").is_object()) out["items"] = property_in_file(property.at("items"));
  if (property.contains("description")) out["description"] = property.at("description");
  if (property.contains("default"))
    out["default"] = format == "duration" ? Json(format_duration(Millis(property.at("default").get<std::int64_t>())))
                                          : property.at("default");
  return out;
}

/// `plugin` names one that offers the interface, and `settings` are that one's.
void add_plugins(Json& section, const std::string& interface_name, const SchemaOptions& options) {
  Json names = Json::array(), choices = Json::array();
  for (const auto& [name, interfaces] : options.plugins) {
    if (!interfaces.contains(interface_name)) continue;
    names.push_back(name);
    Json settings = settings_in_file(interfaces.at(interface_name).value("settings", Json::object()));
    const bool needs_settings = settings.contains("required") && !options.overlay;
    if (options.overlay) settings.erase("required");
    Json choice = {{"properties", {{"plugin", {{"const", name}}}, {"settings", std::move(settings)}}}};
    if (needs_settings) choice["required"] = {"settings"};
    choices.push_back(std::move(choice));
  }
  section["properties"]["settings"] = {{"type", "object"}, {"description", "of the plugin"}};
  if (names.empty()) return;
  section["properties"]["plugin"]["enum"] = std::move(names);
  section["anyOf"] = std::move(choices);
}

std::vector<Asked> ask_reader() {
  // Read as tables, whose absence the template hides.
  std::vector<Asked> out{{"the file", "service", {{"x-required", true}}},
                         {"service.NAME", "target", {{"x-required", true}}}};
  const Environment nowhere{[](const std::string&) { return std::optional<std::string>(); }, "/"};
  NoPlugins plugins;
  Reading reading{nowhere, &plugins, {}, {}, "schema", {}};
  reading.on_key = [&](const std::string& section, std::string_view key, Json property) {
    out.push_back({section, std::string(key), std::move(property)});
  };
  const toml::table table = toml::parse(one_of_everything);
  (void)read_config(reading, table, {"schema"}, [&](const Orchestrator&) -> SchemaSource& { return plugins; });
  return out;
}

}  // namespace

Json settings_in_file(const Json& settings) {
  Json out = settings;
  out["type"] = "object";
  if (!out.contains("additionalProperties")) out["additionalProperties"] = false;
  if (settings.contains("additionalProperties") && settings.at("additionalProperties").is_object())
    out["additionalProperties"] = property_in_file(settings.at("additionalProperties"));
  if (settings.contains("properties")) {
    for (const auto& [key, property] : settings.at("properties").items())
      out["properties"][key] = property_in_file(property);
  }
  return out;
}

Json file_schema(const SchemaOptions& options) {
  Json root = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Understudy's orchestrator.toml"}};
  for (const auto& [section, key, property] : ask_reader()) {
    Json& at = section_of(root, section);
    if (property.contains("x-required")) {
      if (!options.overlay) at["required"].push_back(key);
      continue;
    }
    if (property.contains("x-interface")) {
      add_plugins(at, property.at("x-interface").get<std::string>(), options);
      continue;
    }
    Json& slot = at["properties"][key];
    slot.update(property);
    const auto text = describe_key(section == "the file" ? key : section + "." + key);
    if (!text.empty()) slot["description"] = text;
  }
  return root;
}

}  // namespace understudy::config
