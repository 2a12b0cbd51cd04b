// What the journal has of the services in the file. Internal to this room; on the loop.
#pragma once

#include <map>
#include <variant>

#include "core/config/config.hpp"
#include "core/failover/state.hpp"
#include "core/journal/journal.hpp"
#include "core/plugins/manifest.hpp"

namespace understudy::runtime {

using States = std::map<ServiceId, failover::State>;

/// A service whose state cannot be read is no new one: it would be started at home with an old state.
[[nodiscard]] std::variant<States, plugins::LoadError> stored_states(journal::Journal& journal,
                                                                     const config::Config& config);

}  // namespace understudy::runtime
