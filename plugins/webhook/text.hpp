// Small things with text that several forms need. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace webhook_plugin {

/// At most `most` bytes, ended with "…" when it was longer; code points stay whole.
[[nodiscard]] std::string cut(std::string_view text, std::size_t most);

/// One line of printable text: control characters and line breaks become spaces.
[[nodiscard]] std::string one_line(std::string_view text);

/// "2026-11-20T10:15:00Z".
[[nodiscard]] std::string utc(std::int64_t at_ms);

}  // namespace webhook_plugin
