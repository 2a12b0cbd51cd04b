// Secret Manager as a source of secrets.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace gcp {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_secrets(understudy::sdk::Host& host,
                                                                      const understudy::sdk::Envelope& envelope);
}
