// The JSON Schema of the file: made of what the reader asks for.
#include "core/config/schema.hpp"
#include "core/config/units.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using Json = nlohmann::json;

namespace {

/// Every property of the schema by its path, "NAME" for any name.
void collect(const Json& node, const std::string& path, std::map<std::string, Json>& out) {
  if (node.contains("items")) collect(node.at("items"), path, out);
  if (node.contains("additionalProperties") && node.at("additionalProperties").is_object())
    collect(node.at("additionalProperties"), path.empty() ? "NAME" : path + ".NAME", out);
  if (!node.contains("properties")) return;
  for (const auto& [key, property] : node.at("properties").items()) {
    const auto full = path.empty() ? key : path + "." + key;
    if (key != "settings") collect(property, full, out);
    out[full] = property;
  }
}

}  // namespace

TEST_CASE("every key of the file is in its schema and is described") {
  std::map<std::string, Json> all;
  collect(config::file_schema({}), "", all);
  REQUIRE(all.size() > 80);
  for (const char* key : {"service.NAME.target.NAME.detect.fall", "service.NAME.state.max_age", "route.match.severity",
                          "orchestrator.network.reference.plugin", "notifier.NAME.settings"}) {
    INFO(key);
    CHECK(all.contains(key));
  }
  for (const auto& [key, property] : all) {
    INFO(key);
    const bool holds_others =
        property.contains("properties") || property.contains("items") || property.contains("additionalProperties");
    CHECK((holds_others || !property.value("description", "").empty()));
  }
}

TEST_CASE("settings of a plugin are in the schema as the file spells them") {
  config::SchemaOptions options;
  options.plugins["x"] = Json::parse(R"({"health": {"provides": ["health.check/1"], "settings": {
      "required": ["url"], "properties": {
        "url": {"type": "string", "format": "url", "description": "what"},
        "limit": {"type": "integer", "format": "duration", "default": 90000, "description": "how long"},
        "key": {"x-secret": true, "description": "to get in"}}}}})");
  const auto schema = config::file_schema(options);
  const auto& health = schema["properties"]["service"]["additionalProperties"]["properties"]["target"]
                             ["additionalProperties"]["properties"]["health"]["items"];
  CHECK(health["properties"]["plugin"]["enum"] == Json{"x"});
  const auto& settings = health["anyOf"][0]["properties"]["settings"];
  CHECK(settings["required"] == Json{"url"});
  CHECK(settings["additionalProperties"] == false);
  CHECK(settings["properties"]["limit"]["default"] == "1m30s");
  CHECK(settings["properties"]["limit"]["type"] == "string");
  CHECK(settings["properties"]["key"]["anyOf"].size() == 5);
  CHECK(schema["properties"]["service"]["additionalProperties"]["required"].size() >= 2);
  options.overlay = true;
  CHECK(config::file_schema(options).dump().find("\"required\":[\"primary\"") == std::string::npos);
}

TEST_CASE("a duration is written as it is read") {
  for (const std::int64_t ms : {0LL, 1LL, 999LL, 1000LL, 90'000LL, 3'600'000LL, 86'400'000LL, 90'061'001LL}) {
    CHECK(config::parse_duration(config::format_duration(Millis(ms))) == Millis(ms));
  }
}
