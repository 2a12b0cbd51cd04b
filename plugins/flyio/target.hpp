// The machines of a Fly app as a target: started for an epoch, observed and stopped by what the Machines API shows.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace flyio_plugin {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_target(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
