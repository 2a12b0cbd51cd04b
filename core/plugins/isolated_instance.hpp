// An instance in a process of its own (docs/decisions/0008): a crash, a leak or a hang is its own; it is started again
// with backoff, and rests after repeated crashes.
#pragma once

#include <memory>
#include <variant>

#include "core/plugins/guest_process.hpp"
#include "core/plugins/instance.hpp"
#include "core/plugins/registry.hpp"
#include "core/plugins/stats.hpp"

namespace understudy::plugins {

/// Waits up to five seconds for the plugin's create(). Calls while it is down wait for its return within their budget;
/// one that was under way when it ended is answered `unknown`; one past its budget ends the process.
[[nodiscard]] std::variant<std::unique_ptr<Instance>, LoadError> make_isolated_instance(
    const Registry::Wiring& wiring, std::shared_ptr<Library> library, std::filesystem::path program,
    std::map<std::string, std::string> env, std::shared_ptr<Stats> stats, host::Caller caller,
    const sdk::Json& envelope);

}  // namespace understudy::plugins
