// The other side of an isolated plugin: `understudy plugin-host LIBRARY`, exec'd by the core with a socket as
// descriptor 3. It loads the library, makes the one instance that it is told to make, and hands the verbs through.
#pragma once

#include <filesystem>

namespace understudy::plugins {

inline constexpr int host_socket = 3;

/// Serves until the core closes the socket. Returns the exit code.
[[nodiscard]] int run_plugin_host(const std::filesystem::path& library);

/// Prints {"manifest": ...} or {"message", "hint"} as one line of JSON: what the library says of itself, without it
/// being loaded into the process that asks. Returns the exit code.
[[nodiscard]] int describe_plugin(const std::filesystem::path& library);

}  // namespace understudy::plugins
