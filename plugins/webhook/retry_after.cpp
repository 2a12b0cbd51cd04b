#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "verdict.hpp"

namespace webhook_plugin {
namespace {

constexpr std::int64_t longest_ms = 86'400'000;

struct Moment {
  int year = 0, day = 0, hour = 0, minute = 0, second = 0;
  char month[4] = "";
};

/// The three forms: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994".
bool read(const std::string& text, Moment& m) {
  // NOLINTBEGIN(cert-err34-c): the ranges are checked afterwards
  if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &m.day, m.month, &m.year, &m.hour,
                  &m.minute, &m.second) == 6)
    return true;
  if (std::sscanf(text.c_str(), "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT", &m.day, m.month, &m.year, &m.hour,
                  &m.minute, &m.second) == 6) {
    m.year += m.year < 70 ? 2000 : 1900;
    return true;
  }
  return std::sscanf(text.c_str(), "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d", m.month, &m.day, &m.hour, &m.minute,
                     &m.second, &m.year) == 6;
  // NOLINTEND(cert-err34-c)
}

std::optional<std::int64_t> wall_ms(const std::string& text) {
  using namespace std::chrono;
  static constexpr const char* months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  Moment m;
  if (!read(text, m)) return std::nullopt;
  const char* at = std::strstr(months, m.month);
  if (at == nullptr || std::strlen(m.month) != 3 || (at - months) % 3 != 0) return std::nullopt;
  const year_month_day date(year(m.year), month(static_cast<unsigned>((at - months) / 3 + 1)),
                            day(static_cast<unsigned>(m.day)));
  if (!date.ok() || m.hour > 23 || m.minute > 59 || m.second > 60) return std::nullopt;
  const auto seconds_of_day = (m.hour * 60 + m.minute) * 60 + m.second;
  return (sys_days(date).time_since_epoch().count() * std::int64_t{86'400} + seconds_of_day) * 1000;
}

}  // namespace

std::optional<Millis> retry_after(const std::string& text, std::int64_t now_ms) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (!text.empty() && end == text.data() + text.size() && text[0] != '-')
    return Millis(error == std::errc() ? std::min(seconds, longest_ms / 1000) * 1000 : longest_ms);
  const auto at = wall_ms(text);
  if (!at) return std::nullopt;
  return Millis(std::clamp<std::int64_t>(*at - now_ms, 0, longest_ms));
}

}  // namespace webhook_plugin
