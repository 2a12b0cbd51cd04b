#pragma once

#include "agent.hpp"

namespace agent_plugin {

/// Looks only: does it answer, is it this service's, is the key right, what came of the last activation?
[[nodiscard]] understudy::sdk::DiagnoseReport diagnose(Agent& agent, const Deadline& deadline);

}  // namespace agent_plugin
