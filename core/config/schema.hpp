// A JSON Schema (draft 7) of the whole configuration file, for editors: what the reader asks for, with the settings of
// the plugins that are here.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace understudy::config {

struct SchemaOptions {
  /// Plugin → its manifest's "interfaces".
  std::map<std::string, nlohmann::json> plugins;
  /// For a file that overlays another: nothing is required.
  bool overlay = false;
};
[[nodiscard]] nlohmann::json file_schema(const SchemaOptions& options);

/// What a key means, in a sentence; `key` as "service.NAME.detect.fall". Empty when nobody wrote one.
[[nodiscard]] std::string_view describe_key(std::string_view key) noexcept;

/// The settings schema of a manifest as the file spells it: durations are text, secrets say where they are found.
[[nodiscard]] nlohmann::json settings_in_file(const nlohmann::json& settings);

}  // namespace understudy::config
