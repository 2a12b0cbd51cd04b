// A Fly app's health: what its machines' states and checks say.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace flyio_plugin {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_health(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
