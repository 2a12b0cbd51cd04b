// How a command is started as a drill's copy: with its state elsewhere, and marked.
#pragma once

#include "launcher.hpp"
#include "understudy/types.hpp"

namespace process_plugin {

/// `settings`: the target's, with its optional `drill`. Throws sdk::Failure(invalid) when nothing tells the command to
/// keep its state elsewhere: it would work on the standby's own.
[[nodiscard]] LaunchSpec copy_of(LaunchSpec spec, const understudy::sdk::Json& settings,
                                 const understudy::sdk::DrillRequest& request);

}  // namespace process_plugin
