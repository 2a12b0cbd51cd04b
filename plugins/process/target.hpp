// A command on this host as a target: started, found again after a restart, stopped with all that it started.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace process_plugin {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_target(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
