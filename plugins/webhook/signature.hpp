// "t=1700000000,v1=<hex>": HMAC-SHA256 over "<t>.<body>", so that neither a changed body nor an old request passes.
// Pure.
#pragma once

#include <cstdint>
#include <string>

namespace webhook_plugin {

[[nodiscard]] std::string signature(const std::string& secret, std::int64_t unix_seconds, const std::string& body);

}  // namespace webhook_plugin
