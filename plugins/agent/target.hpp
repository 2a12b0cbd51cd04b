#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace agent_plugin {

[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_target(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_health(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);

}  // namespace agent_plugin
