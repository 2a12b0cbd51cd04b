// What a plugin says of itself: its manifest, checked, from the library or from a process that has loaded it. Pure.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "understudy/status.hpp"

namespace understudy::plugins {

/// Why a library cannot be used. `message` names the file.
struct LoadError {
  std::string message, hint;
  bool hung = false;     ///< it was waited for as long as may be
  bool passing = false;  ///< another try may find it over
};

struct Manifest {
  std::string name, version, license, summary;
  sdk::Json interfaces;            ///< {"health": {"provides": [...], "settings": {...}}, ...}
  std::vector<std::string> needs;  ///< host methods
  sdk::Json raw;
};

/// Checks what a manifest says. [any thread]
[[nodiscard]] std::variant<Manifest, LoadError> read_manifest(const std::filesystem::path& path, sdk::Json raw);

/// What `plugin-host --describe` printed of the library `path`: the first line is {"manifest": …} or {"message",
/// "hint"}. The library's own code may have printed anything. `end`: how the process ended, for the message. [any
/// thread]
[[nodiscard]] std::variant<Manifest, LoadError> read_description(const std::filesystem::path& path,
                                                                 std::string_view printed, const std::string& end);

}  // namespace understudy::plugins
