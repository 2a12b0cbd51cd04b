// Text for people as typed pieces, so that what is a value is escaped, and what is too long is shortened by its parts
// and never in the middle of a tag. Pure.
//
// Lengths are in UTF-16 units, as Telegram counts them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace telegram_plugin {

struct Piece {
  enum class Style { plain, bold, italic, code };
  std::string text;  ///< without line breaks
  Style style = Style::plain;
};
using Line = std::vector<Piece>;
using Lines = std::vector<Line>;

/// What one message may hold.
inline constexpr std::size_t longest_message = 4096;

[[nodiscard]] std::string html(const Lines& lines);
[[nodiscard]] std::string plain(const Lines& lines);

[[nodiscard]] std::size_t units(std::string_view utf8);
/// What takes at most `most` units in a message, escapes counted, the last of them "…" when something was cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t most);
/// The first line, cut, without control characters.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most);
/// One Line for each line of `text`.
[[nodiscard]] Lines lines_of(std::string_view text);

/// Parts of which each fits into `most` units, tags and escapes counted. Blank parts are left out.
[[nodiscard]] std::vector<Lines> split(const Lines& lines, std::size_t most = longest_message);

}  // namespace telegram_plugin
