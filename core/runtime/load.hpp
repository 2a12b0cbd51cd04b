// Configuration and the plugins that it names, together: the checks of a file need the plugins' schemas.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "core/config/loader.hpp"
#include "core/plugins/registry.hpp"

namespace understudy::runtime {

struct Loaded {
  config::LoadResult result;
  std::unique_ptr<plugins::Registry> registry;  ///< null when the files cannot even be parsed
};

[[nodiscard]] Loaded load(const std::vector<std::filesystem::path>& files);

/// The settings of the plugins that a registry finds, which outlives it.
[[nodiscard]] std::unique_ptr<config::SchemaSource> schemas_of(plugins::Registry& registry);

/// Where the plugins that came with this program lie: ../plugins beside a build's bin, ../lib/understudy/plugins when
/// installed. Libraries there are trusted to run on the core's loop.
[[nodiscard]] std::vector<std::filesystem::path> bundled_plugin_folders();
/// A registry over the file's plugin_path and the bundled folders.
[[nodiscard]] std::unique_ptr<plugins::Registry> make_registry(const std::vector<std::filesystem::path>& plugin_path);

}  // namespace understudy::runtime
