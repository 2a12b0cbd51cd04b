// Is a process alive? By pid file or by name; a pid that was given to somebody else is not taken for it.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace process_plugin {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_health(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
