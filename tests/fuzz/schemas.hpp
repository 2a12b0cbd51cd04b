// The settings of a few plugins, as their manifests would give them, with every form that a schema may ask for.
#pragma once

#include "core/config/loader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace understudy::fuzz {

inline const nlohmann::json& web_settings() {
  static const auto out = nlohmann::json::parse(R"({"required": ["url"], "properties": {
    "url": {"type": "string", "format": "url"}, "mode": {"type": "string", "enum": ["fast", "slow"]},
    "wait": {"type": "integer", "format": "duration", "default": 1500, "minimum": 1, "maximum": 60000},
    "password": {"type": "string", "x-secret": true}, "size": {"type": "integer", "format": "size"},
    "share": {"type": "number", "format": "percent"}, "price": {"type": "number", "format": "money"},
    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
    "expect": {"type": ["integer", "string", "array"], "items": {"type": "integer"}}}})");
  return out;
}

inline const nlohmann::json& box_settings() {
  static const auto out = nlohmann::json::parse(R"({"properties": {"dir": {"type": "string", "format": "path"},
    "names": {"type": "array", "items": {"type": "string"}}, "key": {"type": "string", "x-secret": true}}})");
  return out;
}

class Schemas final : public config::SchemaSource {
 public:
  Schemas() = default;
  /// The same for every plugin.
  explicit Schemas(nlohmann::json all) : all_(std::move(all)) {}

  std::variant<nlohmann::json, Problem> schema(const std::string& plugin, const std::string& interface_name) override {
    if (!all_.is_null()) return all_;
    if (plugin == "web" && interface_name == "health") return web_settings();
    if (plugin == "box" && interface_name == "target") return box_settings();
    if ((plugin == "shelf" && interface_name == "state") || (plugin == "log" && interface_name == "notifier"))
      return nlohmann::json{{"properties", nlohmann::json::object()}};
    return Problem{"no plugin \"" + plugin + "\"", ""};
  }
  std::vector<std::string> names() override { return {"web", "box", "shelf", "log"}; }
  std::optional<std::string> secret_source(const std::string& key) override {
    return key == "vault" ? std::optional<std::string>("box") : std::nullopt;
  }

 private:
  nlohmann::json all_;
};

inline config::Environment environment() {
  return {[](const std::string& name) { return name == "PLACE" ? std::optional<std::string>("/srv") : std::nullopt; },
          "/home/me"};
}

/// Messages are made of what the file says, whatever bytes those are.
inline void tell(const std::vector<config::Diagnostic>& diagnostics) {
  (void)config::render(diagnostics, true);
  (void)dumped(config::to_json(diagnostics));
}

}  // namespace understudy::fuzz
