// Cloud Storage as a state store.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace gcp {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_state(understudy::sdk::Host& host,
                                                                    const understudy::sdk::Envelope& envelope);
}
