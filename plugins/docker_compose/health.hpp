// A compose project's health: what its containers' states and healthchecks say, and hints at once from engine events.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace compose_plugin {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_health(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
