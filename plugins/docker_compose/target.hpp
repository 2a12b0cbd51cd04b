// A compose project as a target: started for an epoch, observed and stopped by what its engine shows.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace compose_plugin {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_target(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
