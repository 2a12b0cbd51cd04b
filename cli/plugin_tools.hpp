// What the commands for plugin authors share: a library by path or name, and its settings from a file.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "cli/context.hpp"
#include "core/config/config.hpp"

namespace understudy::cli {

/// `given` is a path (it holds a slash or ends in .so) or the name of a plugin in the plugin_path or bundled.
/// Nothing after an error was said.
[[nodiscard]] std::optional<std::filesystem::path> find_library(Context& cx, const std::string& given);

/// The settings by interface from a TOML file, with what is wrong with them said. `file` may be empty: no settings.
[[nodiscard]] std::optional<std::map<std::string, config::PluginUse>> read_plugin_settings(
    Context& cx, const std::filesystem::path& library, const std::string& file);

/// This program, for isolated plugins.
[[nodiscard]] std::filesystem::path this_program();

}  // namespace understudy::cli
