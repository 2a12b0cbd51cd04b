// A Cloud Run service as a standby target.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace gcp {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_target(understudy::sdk::Host& host,
                                                                     const understudy::sdk::Envelope& envelope);
}
