// A plugin's settings against the plugin's own schema: types, ranges, units, defaults, secrets.
#include <nlohmann/json.hpp>

#include "core/config/reader.hpp"
#include "core/config/units.hpp"

namespace understudy::config {
namespace {

using Json = nlohmann::json;

constexpr const char* secret_hint = "use { env = \"NAME\" }, { file = \"/path\" } or { credential = \"name\" }";

class SettingsReader {
 public:
  SettingsReader(Reading& reading, PluginUse& use) : reading_(reading), use_(use) {}

  Json object(const toml::table* table, const Json& schema, const std::string& path, const toml::source_region& where) {
    Json out = Json::object();
    const Json& properties = schema.contains("properties") ? schema.at("properties") : empty_;
    if (table != nullptr) {
      for (const auto& [key, node] : *table) {
        const std::string name(key.str());
        const std::string full = path.empty() ? name : path + "." + name;
        if (properties.contains(name)) {
          if (auto value = any(node, properties.at(name), full, key.source(), name)) out[name] = std::move(*value);
        } else if (auto value = additional(node, schema, properties, full, key)) {
          out[name] = std::move(*value);
        }
      }
    }
    for (const auto& [name, property] : properties.items()) {
      if (!out.contains(name) && (table == nullptr || !table->contains(name)) && property.contains("default"))
        out[name] = property.at("default");
    }
    for (const auto& required : schema.value("required", Json::array())) {
      const auto name = required.get<std::string>();
      if (table != nullptr && table->contains(name)) continue;
      reading_.report("E0105", where, "settings",
                      "plugin " + use_.plugin + " needs the setting " + (path.empty() ? name : path + "." + name),
                      describe_property(properties, name));
    }
    return out;
  }

 private:
  static std::string describe_property(const Json& properties, const std::string& name) {
    return properties.contains(name) ? properties.at(name).value("description", "") : "";
  }

  std::optional<Json> additional(const toml::node& node, const Json& schema, const Json& properties,
                                 const std::string& full, const toml::key& key) {
    const auto it = schema.find("additionalProperties");
    if (it != schema.end() && it->is_object()) return any(node, *it, full, key.source(), key.str());
    if (it != schema.end() && it->is_boolean() && it->get<bool>())
      return any(node, Json::object(), full, key.source(), key.str());
    std::vector<std::string> names;
    for (const auto& [name, property] : properties.items()) names.push_back(name);
    const auto near = nearest(key.str(), names);
    reading_.report(
        "E0102", key.source(), key.str(), "plugin " + use_.plugin + " has no setting \"" + full + "\"",
        near.empty() ? "`understudy plugin info " + use_.plugin + "` lists them" : "did you mean \"" + near + "\"?");
    return std::nullopt;
  }

  void wrong(const char* code, const toml::source_region& where, std::string_view token, const std::string& full,
             const std::string& what, std::string hint = {}) {
    reading_.report(code, where, token, "setting " + full + " of plugin " + use_.plugin + " " + what, std::move(hint));
  }

  std::optional<Json> any(const toml::node& node, const Json& schema, const std::string& full,
                          const toml::source_region& where, std::string_view token) {
    if (schema.value("x-secret", false)) return secret(node, full, where, token);
    const std::string format = schema.value("format", "");
    if (format == "duration" || format == "size" || format == "money" || format == "percent")
      return with_unit(node, schema, format, full, where, token);
    auto value = plain(node, schema, full, where, token);
    if (!value) return std::nullopt;
    if (!type_fits(*value, schema)) {
      wrong("E0103", where, token, full, "must be " + wanted_type(schema) + ", not " + describe(node));
      return std::nullopt;
    }
    return checked(std::move(*value), schema, full, where, token);
  }

  std::optional<Json> plain(const toml::node& node, const Json& schema, const std::string& full,
                            const toml::source_region& where, std::string_view token) {
    if (const auto* table = node.as_table()) return object(table, schema.empty() ? open_ : schema, full, where);
    if (const auto* list = node.as_array()) {
      Json out = Json::array();
      const Json& items = schema.contains("items") ? schema.at("items") : empty_;
      for (const auto& item : *list) {
        if (auto value = any(item, items, full + "[" + std::to_string(out.size()) + "]",
                             item.source().begin.line > 0 ? item.source() : where, token))
          out.push_back(std::move(*value));
      }
      return out;
    }
    if (const auto* text = node.as_string()) {
      const auto full_text =
          expand(reading_, where, schema.value("format", "") == "path" ? text->get() : only_variables(text->get()));
      if (!full_text) return std::nullopt;
      if (schema.value("format", "") == "path")
        return Json(absolute_path(where, reading_.environment, *full_text).string());
      return Json(*full_text);
    }
    if (const auto* integer = node.as_integer()) return Json(integer->get());
    if (const auto* number = node.as_floating_point()) return Json(number->get());
    if (const auto* boolean = node.as_boolean()) return Json(boolean->get());
    wrong("E0103", where, token, full, "cannot be " + describe(node));
    return std::nullopt;
  }

  /// In text that is no path a leading ~ means itself.
  static std::string only_variables(const std::string& text) { return text; }

  static bool type_is(const Json& value, const std::string& type) {
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    if (type == "array") return value.is_array();
    return value.is_object();
  }
  static bool type_fits(const Json& value, const Json& schema) {
    const auto it = schema.find("type");
    if (it == schema.end()) return true;
    if (it->is_string()) return type_is(value, *it);
    return std::ranges::any_of(*it, [&](const Json& t) { return type_is(value, t); });
  }
  static std::string wanted_type(const Json& schema) {
    const auto& type = schema.at("type");
    if (type.is_string()) return type.get<std::string>();
    std::string out;
    for (const auto& t : type) out += (out.empty() ? "" : " or ") + t.get<std::string>();
    return out;
  }

  std::optional<Json> checked(Json value, const Json& schema, const std::string& full, const toml::source_region& where,
                              std::string_view token) {
    if (schema.contains("enum") && std::ranges::find(schema.at("enum"), value) == schema.at("enum").end()) {
      std::vector<std::string> names;
      std::string list;
      for (const auto& allowed : schema.at("enum")) {
        names.push_back(allowed.is_string() ? allowed.get<std::string>() : allowed.dump());
        list += (list.empty() ? "" : ", ") + allowed.dump();
      }
      const auto near = value.is_string() ? nearest(value.get<std::string>(), names) : std::string();
      wrong("E0104", where, token, full, "is " + value.dump() + ", which is none of " + list,
            near.empty() ? "" : "did you mean \"" + near + "\"?");
      return std::nullopt;
    }
    if (value.is_number()) {
      const double number = value.get<double>();
      if ((schema.contains("minimum") && number < schema.at("minimum").get<double>()) ||
          (schema.contains("maximum") && number > schema.at("maximum").get<double>())) {
        std::string range = schema.contains("minimum") ? "at least " + schema.at("minimum").dump() : "";
        if (schema.contains("maximum"))
          range += (range.empty() ? "at most " : " and at most ") + schema.at("maximum").dump();
        wrong("E0104", where, token, full, "is " + value.dump() + "; it must be " + range);
        return std::nullopt;
      }
    }
    if (value.is_string() && value.get_ref<const std::string&>().size() < schema.value("minLength", std::size_t{0})) {
      wrong("E0104", where, token, full, "is too short");
      return std::nullopt;
    }
    if (schema.value("format", "") == "url") {
      const auto& text = value.get_ref<const std::string&>();
      const auto at = text.find("://");
      if (at == std::string::npos || at == 0 || at + 3 >= text.size()) {
        wrong("E0104", where, token, full, "is no URL", "write it as http://host:port/path");
        return std::nullopt;
      }
    }
    return value;
  }

  std::optional<Json> with_unit(const toml::node& node, const Json& schema, const std::string& format,
                                const std::string& full, const toml::source_region& where, std::string_view token) {
    const auto* text = node.as_string();
    std::optional<Json> out;
    std::string example = "\"90s\", \"1h30m\" or \"250ms\"";
    if (format == "duration") {
      if (const auto value = text != nullptr ? parse_duration(text->get()) : std::nullopt) out = value->count();
    } else if (format == "size") {
      example = "\"64MiB\" or \"1GB\"";
      if (const auto value = text != nullptr ? parse_size(text->get()) : node.value<std::int64_t>()) out = *value;
    } else if (format == "money") {
      example = "0.25 or \"$0.25\"";
      if (const auto value = text != nullptr ? parse_money(text->get()) : node.value<double>()) out = *value;
    } else {
      example = "\"5%\" or 0.05";
      if (const auto value = text != nullptr ? parse_percent(text->get()) : node.value<double>()) out = *value;
    }
    if (!out) {
      wrong("E0106", where, token, full, "is no " + format, "write it as " + example);
      return std::nullopt;
    }
    return checked(std::move(*out), schema, full, where, token);
  }

  std::optional<Json> secret(const toml::node& node, const std::string& full, const toml::source_region& where,
                             std::string_view token) {
    auto ref = secret_from(reading_, node, where);
    if (!ref) return bad_secret(full, where, token);
    if (ref->kind == SecretRef::Kind::literal)
      reading_.report("W0201", where, token,
                      "setting " + full + " of plugin " + use_.plugin + " is a secret in clear text", secret_hint);
    use_.secrets[full] = std::move(*ref);
    return Json{{"$secret", full}};
  }

  std::optional<Json> bad_secret(const std::string& full, const toml::source_region& where, std::string_view token) {
    wrong("E0103", where, token, full, "is a secret", secret_hint);
    return std::nullopt;
  }

  Reading& reading_;
  PluginUse& use_;
  const Json empty_ = Json::object();
  const Json open_ = {{"additionalProperties", true}};
};

}  // namespace

std::optional<SecretRef> read_secret_ref(Section& section, std::string_view key) {
  if (const auto& tell = section.reading().on_key) tell(section.name(), key, {{"x-secret", true}});
  const auto* node = section.get(key);
  if (node == nullptr) return std::nullopt;
  auto ref = secret_from(section.reading(), *node, section.where(key));
  if (!ref) section.wrong(key, "E0103", std::string(key) + " is a secret", secret_hint);
  if (ref && ref->kind == SecretRef::Kind::literal)
    section.reading().report("W0201", section.where(key), key, std::string(key) + " is a secret in clear text",
                             secret_hint);
  if (ref && ref->kind == SecretRef::Kind::fetched)
    section.wrong(key, "E0104", std::string(key) + " is needed before any plugin runs, so none can fetch it",
                  secret_hint);
  return ref;
}

PluginUse read_use(Section& section, const std::string& interface_name, const std::string& fixed_plugin) {
  PluginUse use;
  use.plugin = fixed_plugin;
  section.read("plugin", use.plugin);
  use.place = section.reading().place(section.where("plugin"), "plugin");
  if (const auto isolation = section.choice("isolation", {"loop", "thread", "process"})) {
    use.isolation = std::vector<std::string>{"loop", "thread", "process"}[*isolation];
  }
  section.read("pass_env", use.pass_env);
  section.read("grants", use.grants);
  for (const auto& grant : use.grants) {
    if (grant != "operator")
      section.wrong("grants", "E0104", "there is no grant \"" + grant + "\"", "known is operator");
  }
  const auto* settings = section.table("settings");
  if (const auto& tell = section.reading().on_key) tell(section.name(), "settings", {{"x-interface", interface_name}});
  if (use.plugin.empty()) {
    section.missing("plugin", "the name of the plugin to use");
    return use;
  }
  auto schema = section.reading().schemas->schema(use.plugin, interface_name);
  if (auto* problem = std::get_if<SchemaSource::Problem>(&schema)) {
    const auto near = nearest(use.plugin, section.reading().schemas->names());
    std::string hint = problem->hint;
    if (!near.empty() && near != use.plugin) hint = "did you mean \"" + near + "\"?";
    section.wrong("plugin", "E0108", problem->message, hint);
    return use;
  }
  SettingsReader reader(section.reading(), use);
  use.settings = reader.object(settings, std::get<Json>(schema), "",
                               settings != nullptr ? section.where("settings") : section.where("plugin"));
  return use;
}

std::vector<PluginUse> read_uses(Section& section, std::string_view key, const std::string& interface_name) {
  std::vector<PluginUse> out;
  const auto* list = section.array(key);
  if (list == nullptr) return out;
  for (const auto& item : *list) {
    const auto* table = item.as_table();
    if (table == nullptr) {
      section.wrong(key, "E0103", std::string(key) + " must be a list of tables");
      continue;
    }
    Section entry(section.reading(), *table, section.name() + "." + std::string(key));
    out.push_back(read_use(entry, interface_name));
    entry.finish();
  }
  return out;
}

}  // namespace understudy::config
