// One HTTP or TCP check as a health source.
#pragma once

#include <memory>

#include "understudy/plugin.hpp"

namespace http_plugin {
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_http_check(understudy::sdk::Host& host,
                                                                         const understudy::sdk::Envelope& envelope);
[[nodiscard]] std::unique_ptr<understudy::sdk::Provider> make_tcp_check(understudy::sdk::Host& host,
                                                                        const understudy::sdk::Envelope& envelope);
}  // namespace http_plugin
