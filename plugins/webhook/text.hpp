// Small things with text that several forms need. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "understudy/text.hpp"

namespace webhook_plugin {

using understudy::sdk::cut;
using understudy::sdk::one_line;

/// "2026-11-20T10:15:00Z".
[[nodiscard]] std::string utc(std::int64_t at_ms);

}  // namespace webhook_plugin
