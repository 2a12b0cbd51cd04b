// Encodings of mail: RFC 2047 words for headers, quoted-printable bodies, HTML. Pure; all text in is UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "understudy/text.hpp"

namespace smtp_plugin {

using understudy::sdk::cut;
using understudy::sdk::one_line;

/// May stand in a header as it is: printable ASCII, short enough for one line, nothing that looks encoded.
[[nodiscard]] bool is_plain(std::string_view text);
[[nodiscard]] std::string base64(std::string_view bytes);
/// "=?UTF-8?B?…?=" words, a line each.
[[nodiscard]] std::string encoded_words(std::string_view text);
/// The value of a header of free text: as it is or encoded.
[[nodiscard]] std::string header_text(std::string_view text);

/// Lines of at most 76 characters, ended with CRLF; none begins with a dot or "From ".
[[nodiscard]] std::string quoted_printable(std::string_view text);
[[nodiscard]] std::string html(std::string_view text);

/// "Tue, 14 Nov 2023 22:13:20 +0000".
[[nodiscard]] std::string rfc5322_date(std::int64_t at_ms);
/// "2023-11-14 22:13:20 UTC".
[[nodiscard]] std::string utc(std::int64_t at_ms);

}  // namespace smtp_plugin
