// A Cloud Run service's health: what its address answers, and its Ready condition.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace gcp {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_health(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
