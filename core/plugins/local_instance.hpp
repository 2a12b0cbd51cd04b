// An instance of a library in this process: its verbs run on the core's loop, or on the library's own thread.
#pragma once

#include <memory>
#include <variant>

#include "core/plugins/instance.hpp"
#include "core/plugins/library_thread.hpp"
#include "core/plugins/registry.hpp"
#include "core/plugins/stats.hpp"

namespace understudy::plugins {

/// `thread` may be null: then the verbs run on the loop.
[[nodiscard]] std::variant<std::unique_ptr<Instance>, LoadError> make_local_instance(
    const Registry::Wiring& wiring, std::shared_ptr<Library> library, std::shared_ptr<LibraryThread> thread,
    std::shared_ptr<Stats> stats, host::Caller caller, const sdk::Json& envelope);

}  // namespace understudy::plugins
