#include "core/host/reply_lines.hpp"

#include <cctype>

namespace understudy::host {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

}  // namespace

sdk::Json headers_in(std::string_view lines) {
  sdk::Json out = sdk::Json::object();
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (line.starts_with("HTTP/")) {
      out = sdk::Json::object();
      continue;
    }
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) out[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  }
  return out;
}

}  // namespace understudy::host
