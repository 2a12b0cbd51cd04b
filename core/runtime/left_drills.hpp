// Drills that were under way when the orchestrator ended, and whose service or target has left the file since: nobody
// can end them, so people are told.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "core/config/config.hpp"
#include "core/model/alert.hpp"

namespace understudy::journal {
class Journal;
}

namespace understudy::runtime {

class AlertDesk;

inline constexpr const char* drilling_space =
    "drilling";  ///< of the journal's documents: one a service, while it lasts

/// `document`: what the journal has of the drill.
[[nodiscard]] Alert left_by_a_drill(const ServiceId& service, const nlohmann::json& document);

/// A copy's own state, where one was brought. `drill`: its id.
void remove_copy_state(const config::Config& config, const std::string& drill);

/// Of services that are not in the file any more. On the loop.
void tell_left_drills(journal::Journal& journal, const config::Config& config, AlertDesk& desk);

}  // namespace understudy::runtime
