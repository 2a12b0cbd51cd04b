// Spans of the week, in local time: when something is not to be done. Pure.
#pragma once

#include <optional>
#include <vector>

#include "core/model/time.hpp"

namespace understudy {

inline constexpr int minutes_a_week = 7 * 1440;

/// Minutes of the week, 0 is Monday 00:00; `to` is not in it. `from > to` goes over Sunday midnight.
struct WeekSpan {
  int from = 0;
  int to = 0;
};

/// `utc_offset`: of the local time at that moment.
[[nodiscard]] constexpr int minute_of_week(WallTime at, Millis utc_offset) {
  constexpr long long thursday = 3LL * 1440;  // 1970-01-01 was one
  const auto minutes = std::chrono::floor<std::chrono::minutes>(at + utc_offset).time_since_epoch().count() + thursday;
  const auto rest = minutes % minutes_a_week;
  return static_cast<int>(rest < 0 ? rest + minutes_a_week : rest);
}

[[nodiscard]] constexpr bool contains(const WeekSpan& span, int minute) {
  return span.from <= span.to ? minute >= span.from && minute < span.to : minute >= span.from || minute < span.to;
}

/// When the spans that hold `minute` are over, as minutes from it; nothing when none does. Spans that touch count as
/// one.
[[nodiscard]] constexpr std::optional<int> free_again_in(const std::vector<WeekSpan>& spans, int minute) {
  int waited = 0;
  for (bool held = true; held && waited < minutes_a_week;) {
    held = false;
    for (const auto& span : spans) {
      const int now = (minute + waited) % minutes_a_week;
      if (!contains(span, now)) continue;
      waited += (span.to - now + minutes_a_week) % minutes_a_week;
      held = true;
    }
  }
  if (waited == 0) return std::nullopt;
  return waited < minutes_a_week ? waited : minutes_a_week;
}

}  // namespace understudy
