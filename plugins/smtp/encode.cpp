#include "encode.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace smtp_plugin {
namespace {

// "Subject: " and one word with 39 bytes in it are 73 characters; a line with encoded words may have 76.
constexpr std::size_t bytes_in_word = 39, longest_plain = 66, longest_line = 76;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// One line of a body becomes one or more that are short enough.
void quote_line(std::string_view line, std::string& out) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::size_t column = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    const bool last = i + 1 == line.size();
    const bool blank = c == ' ' || c == '\t';
    bool bare = blank ? !last : c > 0x20 && c < 0x7F && c != '=';
    // Servers double a leading dot, mailboxes mark a leading "From ": neither shall have a reason.
    if (column == 0 && (c == '.' || line.substr(i, 5) == "From ")) bare = false;
    const std::size_t width = bare ? 1 : 3;
    if (column + width > longest_line - (last ? 0 : 1)) {
      out += "=\r\n";
      column = 0;
      --i;  // again, now at the beginning of a line
      continue;
    }
    if (bare) {
      out += line[i];
    } else {
      out += {'=', hex[c >> 4], hex[c & 15]};
    }
    column += width;
  }
  out += "\r\n";
}

struct Date {
  std::chrono::year_month_day day;
  std::chrono::weekday weekday;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
};

Date date_of(std::int64_t at_ms) {
  using namespace std::chrono;
  const auto at = floor<seconds>(sys_time<milliseconds>{milliseconds(at_ms)});
  const auto day = floor<days>(at);
  return {year_month_day(day), weekday(day), hh_mm_ss<seconds>(at - day)};
}

}  // namespace

bool is_plain(std::string_view text) {
  return text.size() <= longest_plain && text.find("=?") == std::string_view::npos &&
         std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
}

std::string base64(std::string_view in) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < in.size(); i += 3) {
    const auto byte = [&](std::size_t k) { return k < in.size() ? static_cast<unsigned char>(in[k]) : 0U; };
    const std::uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += digits[three >> 18];
    out += digits[three >> 12 & 63];
    out += i + 1 < in.size() ? digits[three >> 6 & 63] : '=';
    out += i + 2 < in.size() ? digits[three & 63] : '=';
  }
  return out;
}

std::string encoded_words(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(at + bytes_in_word, text.size());
    while (end < text.size() && end > at + 1 && continues(text[end])) --end;
    out += (at == 0 ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64(text.substr(at, end - at)) + "?=";
    at = end;
  }
  return out;
}

std::string header_text(std::string_view text) {
  const auto line = one_line(text);
  return is_plain(line) ? line : encoded_words(line);
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("\r\n"), text.size());
    quote_line(text.substr(0, end), out);
    text.remove_prefix(end);
    if (text.substr(0, 2) == "\r\n") text.remove_prefix(1);
    if (!text.empty()) text.remove_prefix(1);
  }
  return out;
}

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string rfc5322_date(std::int64_t at_ms) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto d = date_of(at_ms);
  char out[64];
  std::snprintf(out, sizeof out, "%s, %u %s %04d %02d:%02d:%02d +0000", days[d.weekday.c_encoding()],
                static_cast<unsigned>(d.day.day()), months[static_cast<unsigned>(d.day.month()) - 1],
                static_cast<int>(d.day.year()), static_cast<int>(d.time.hours().count()),
                static_cast<int>(d.time.minutes().count()), static_cast<int>(d.time.seconds().count()));
  return out;
}

std::string utc(std::int64_t at_ms) {
  const auto d = date_of(at_ms);
  char out[64];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u %02d:%02d:%02d UTC", static_cast<int>(d.day.year()),
                static_cast<unsigned>(d.day.month()), static_cast<unsigned>(d.day.day()),
                static_cast<int>(d.time.hours().count()), static_cast<int>(d.time.minutes().count()),
                static_cast<int>(d.time.seconds().count()));
  return out;
}

}  // namespace smtp_plugin
