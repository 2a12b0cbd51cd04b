// What a person reads, as text and as HTML. Pure.
#pragma once

#include <string>

#include "understudy/types.hpp"

namespace smtp_plugin {

/// "critical", or "resolved".
[[nodiscard]] std::string state_word(const understudy::sdk::Alert& alert);
[[nodiscard]] std::string text_body(const understudy::sdk::Alert& alert, std::int64_t at_ms);
[[nodiscard]] std::string html_body(const understudy::sdk::Alert& alert, std::int64_t at_ms);

}  // namespace smtp_plugin
