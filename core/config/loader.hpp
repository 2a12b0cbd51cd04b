// TOML → Config. Reads the files, checks everything, and reports every mistake at once.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/config/config.hpp"
#include "core/config/diagnostics.hpp"

namespace understudy::config {

/// Where plugin schemas come from.
class SchemaSource {
 public:
  SchemaSource() = default;
  SchemaSource(const SchemaSource&) = delete;
  SchemaSource& operator=(const SchemaSource&) = delete;
  virtual ~SchemaSource() = default;
  struct Problem {
    std::string message, hint;
  };
  /// The JSON Schema of the settings of `plugin` as `interface_name`, or why there is none.
  [[nodiscard]] virtual std::variant<nlohmann::json, Problem> schema(const std::string& plugin,
                                                                     const std::string& interface_name) = 0;
  [[nodiscard]] virtual std::vector<std::string> names() = 0;
  /// Whether `plugin` as `interface_name` has the optional `method` ("drill.start/1"). A plugin that is not there has
  /// all: that it is not there is told already.
  [[nodiscard]] virtual bool offers(const std::string& /*plugin*/, const std::string& /*interface_name*/,
                                    const std::string& /*method*/) {
    return true;
  }
  /// The plugin whose manifest offers the source of secrets `key` ("gcp_secret"), or nothing.
  [[nodiscard]] virtual std::optional<std::string> secret_source(const std::string& /*key*/) { return std::nullopt; }
};

/// The parts of the process's environment that a file may refer to.
struct Environment {
  std::function<std::optional<std::string>(const std::string&)> variable;
  std::string home;
};
[[nodiscard]] Environment process_environment();

struct LoadResult {
  std::optional<Config> config;         ///< absent when there is an error
  std::vector<Diagnostic> diagnostics;  ///< errors and warnings, by file and line
};

/// `files`: the base first, then overlays, each overriding key by key. The schemas are asked once the plugin_path of
/// the files is known: `make_schemas` gets the orchestrator's part.
using MakeSchemas = std::function<SchemaSource&(const Orchestrator&)>;
[[nodiscard]] LoadResult load(const std::vector<std::filesystem::path>& files, const MakeSchemas& make_schemas,
                              const Environment& environment);

/// Only the [orchestrator] table, for commands that need the data_dir of a running orchestrator. No plugin is asked.
[[nodiscard]] std::optional<Orchestrator> load_orchestrator_only(const std::vector<std::filesystem::path>& files,
                                                                 const Environment& environment);

}  // namespace understudy::config
