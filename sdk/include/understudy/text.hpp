// Text for people, as notifiers need it. Pure; text is UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace understudy::sdk {

/// At most `most` bytes, ended with "…" when it was longer; code points stay whole.
[[nodiscard]] inline std::string cut(std::string_view text, std::size_t most) {
  constexpr std::string_view dots = "…";
  if (text.size() <= most) return std::string(text);
  std::size_t end = most > dots.size() ? most - dots.size() : 0;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + std::string(dots);
}

/// One line of printable text: control characters and line breaks become single spaces, so that no text can begin a
/// header or a line of its own.
[[nodiscard]] inline std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (control && (out.empty() || out.back() == ' ')) continue;
    out += control ? ' ' : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// `&`, `<` and `>` as entities: what HTML, and the markup of several messengers, give a meaning.
[[nodiscard]] inline std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace understudy::sdk
