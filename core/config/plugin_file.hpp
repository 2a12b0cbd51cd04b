// The settings of one plugin in a file of their own, for `plugin test`, `plugin call` and `plugin record`:
//   [target]                      one table for each interface that is to be used, as in orchestrator.toml
//   settings = { url = "…" }
// A file NAME.json instead holds the settings of one interface as the plugin gets them, a secret as
// {"$secret": {"env": "NAME"}}.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/config/loader.hpp"

namespace understudy::config {

struct PluginFile {
  std::map<std::string, PluginUse> uses;  ///< by interface; settings are checked and have their defaults
  std::vector<Diagnostic> diagnostics;
  [[nodiscard]] bool ok() const;
};

[[nodiscard]] PluginFile load_plugin_file(const std::filesystem::path& file, const std::string& plugin,
                                          SchemaSource& schemas, const Environment& environment);
/// For JSON; the interface is the caller's. Throws std::runtime_error with a sentence.
[[nodiscard]] PluginUse load_plugin_json(const std::filesystem::path& file, const std::string& plugin);

/// The table [kit] of the same file: what the conformance kit needs beside settings.
struct KitOptions {
  std::vector<std::string> tamper;  ///< a command that damages the snapshot $SNAPSHOT of $SERVICE at the provider
};
/// What is wrong with it was said by load_plugin_file().
[[nodiscard]] KitOptions load_kit_options(const std::filesystem::path& file);

}  // namespace understudy::config
