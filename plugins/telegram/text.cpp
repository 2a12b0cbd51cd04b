#include "text.hpp"

#include <algorithm>

#include "understudy/text.hpp"

namespace telegram_plugin {
namespace {

const char* tag_of(Piece::Style style) {
  switch (style) {
    case Piece::Style::bold: return "b";
    case Piece::Style::italic: return "i";
    case Piece::Style::code: return "code";
    case Piece::Style::plain: break;
  }
  return nullptr;
}

std::string html(const Piece& piece) {
  const char* tag = tag_of(piece.style);
  if (tag == nullptr) return understudy::sdk::escape_markup(piece.text);
  if (piece.text.empty()) return {};  // an empty entity is refused
  return "<" + std::string(tag) + ">" + understudy::sdk::escape_markup(piece.text) + "</" + tag + ">";
}

std::string html(const Line& line) {
  std::string out;
  for (const auto& piece : line) out += html(piece);
  return out;
}

template <class Render>
std::string joined(const Lines& lines, Render render) {
  std::string out;
  for (const auto& line : lines) {
    if (&line != &lines.front()) out += '\n';
    out += render(line);
  }
  return out;
}

/// The bytes of the code point that begins with `lead`.
std::size_t width(char lead) {
  const auto c = static_cast<unsigned char>(lead);
  return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/// One line that is too long for a message becomes several.
Lines broken(const Line& line, std::size_t most) {
  Lines out(1);
  std::size_t used = 0;
  for (const auto& piece : line) {
    const std::size_t tags = units(html(Piece{"x", piece.style})) - 1;
    Piece current{"", piece.style};
    used += tags;
    for (std::size_t at = 0; at < piece.text.size();) {
      const auto point = std::string_view(piece.text).substr(at, width(piece.text[at]));
      const auto cost = units(understudy::sdk::escape_markup(point));
      if (used + cost > most) {
        out.back().push_back(std::move(current));
        out.emplace_back();
        current = Piece{"", piece.style};
        used = tags;
      }
      current.text += point;
      used += cost;
      at += point.size();
    }
    out.back().push_back(std::move(current));
  }
  return out;
}

bool blank(const Lines& lines) { return plain(lines).find_first_not_of(" \t\r\n") == std::string::npos; }

}  // namespace

std::string html(const Lines& lines) {
  return joined(lines, [](const Line& line) { return html(line); });
}

std::string plain(const Lines& lines) {
  return joined(lines, [](const Line& line) {
    std::string out;
    for (const auto& piece : line) out += piece.text;
    return out;
  });
}

std::size_t units(std::string_view utf8) {
  std::size_t out = 0;
  for (const char raw : utf8) {
    const auto c = static_cast<unsigned char>(raw);
    if ((c & 0xC0) != 0x80) out += c >= 0xF0 ? 2 : 1;
  }
  return out;
}

std::string cut(std::string_view text, std::size_t most) {
  if (units(understudy::sdk::escape_markup(text)) <= most) return std::string(text);
  std::size_t used = 0, at = 0;
  while (at < text.size()) {
    const auto point = text.substr(at, width(text[at]));
    used += units(understudy::sdk::escape_markup(point));
    if (used + 1 > most) break;
    at += point.size();
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string one_line(std::string_view text, std::size_t most) {
  const auto end = text.find('\n');
  std::string line(text.substr(0, end));
  std::erase_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  return cut(end == std::string_view::npos ? line : line + " …", most);
}

Lines lines_of(std::string_view text) {
  Lines out;
  while (true) {
    const auto end = text.find('\n');
    out.push_back({Piece{std::string(text.substr(0, end))}});
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::vector<Lines> split(const Lines& lines, std::size_t most) {
  std::vector<Lines> out(1);
  std::size_t used = 0;
  for (const auto& whole : lines) {
    const auto parts = units(html(whole)) <= most ? Lines{whole} : broken(whole, most);
    for (const auto& line : parts) {
      const auto cost = units(html(line)) + 1;  // its line break; the last of a message has none
      if (used + cost > most + 1) {
        out.emplace_back();
        used = 0;
      }
      out.back().push_back(line);
      used += cost;
    }
  }
  std::erase_if(out, blank);
  return out;
}

}  // namespace telegram_plugin
