// How the file writes times of the day and of the week.
#include "core/config/week.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

namespace understudy::config {
namespace {

constexpr int minutes_a_day = 1440;

std::optional<int> minute_from(std::string_view text) {
  int hour = 0, minute = 0;
  char rest = 0;
  if (std::sscanf(std::string(text).c_str(), "%2d:%2d%c", &hour, &minute, &rest) != 2) return std::nullopt;
  if (hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > minutes_a_day) return std::nullopt;
  return hour * 60 + minute;
}

std::optional<int> weekday_from(std::string_view text) {
  static constexpr std::string_view names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  const auto it = std::ranges::find(names, text);
  return it == std::end(names) ? std::nullopt : std::optional(static_cast<int>(it - std::begin(names)));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::pair<std::string_view, std::string_view> halves(std::string_view text, char at) {
  const auto where = std::min(text.find(at), text.size());
  return {trimmed(text.substr(0, where)), where < text.size() ? trimmed(text.substr(where + 1)) : std::string_view()};
}

/// "fri 16:00" as a minute of the week.
std::optional<int> moment_from(std::string_view text) {
  const auto [name, time] = halves(text, ' ');
  const auto weekday = weekday_from(name);
  const auto minute = minute_from(time);
  if (!weekday || !minute) return std::nullopt;
  return (*weekday * minutes_a_day + *minute) % minutes_a_week;
}

}  // namespace

std::optional<std::pair<int, int>> hours_from(std::string_view text) {
  const auto [from, to] = halves(text, '-');
  const auto start = minute_from(from), end = minute_from(to);
  if (!start || !end || *start >= minutes_a_day) return std::nullopt;
  return std::pair{*start, *end};
}

std::optional<std::vector<int>> days_from(std::string_view text) {
  const auto [from, to] = halves(text, '-');
  const auto first = weekday_from(from), last = to.empty() ? first : weekday_from(to);
  if (!first || !last) return std::nullopt;
  std::vector<int> out;
  for (int one = *first;; one = (one + 1) % 7) {
    out.push_back(one);
    if (one == *last) return out;
  }
}

std::optional<std::vector<WeekSpan>> week_spans_from(std::string_view text) {
  const auto span = [](int from, int to) { return WeekSpan{from % minutes_a_week, to % minutes_a_week}; };
  std::vector<WeekSpan> out;
  if (const auto hours = hours_from(text)) {
    const int end = hours->second > hours->first ? hours->second : hours->second + minutes_a_day;
    for (int d = 0; d < 7; ++d) out.push_back(span(d * minutes_a_day + hours->first, d * minutes_a_day + end));
    return out;
  }
  if (const auto days = days_from(text)) {
    for (const int d : *days) out.push_back({d * minutes_a_day, d * minutes_a_day + minutes_a_day});
    return out;
  }
  const auto gap = std::min(text.find(' '), text.size());
  if (const auto days = days_from(text.substr(0, gap))) {
    if (const auto hours = hours_from(trimmed(text.substr(gap)))) {
      const int end = hours->second > hours->first ? hours->second : hours->second + minutes_a_day;
      for (const int d : *days) out.push_back(span(d * minutes_a_day + hours->first, d * minutes_a_day + end));
      return out;
    }
  }
  const auto [from, to] = halves(text, '-');
  const auto start = moment_from(from), end = moment_from(to);
  if (!start || !end || *start == *end) return std::nullopt;
  return std::vector{WeekSpan{*start, *end}};
}

}  // namespace understudy::config
