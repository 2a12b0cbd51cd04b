// Times, sizes, money and spans as the files write them.
#include "core/config/units.hpp"

#include <cmath>

#include "core/config/week.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  constexpr Millis century(std::int64_t{100} * 366 * 86'400'000);
  if (const auto time = config::parse_duration(input)) {
    fuzz::must(time->count() >= 0 && *time <= century, "a duration is 0 to 100 years");
    fuzz::must(config::parse_duration(config::format_duration(*time)) == time, "a duration reads back as written");
  }
  if (const auto size = config::parse_size(input)) fuzz::must(*size >= 0, "a size is not negative");
  if (const auto money = config::parse_money(input)) fuzz::must(std::isfinite(*money), "money is finite");
  if (const auto share = config::parse_percent(input)) fuzz::must(std::isfinite(*share), "a share is finite");
  if (const auto hours = config::hours_from(input))
    fuzz::must(hours->first >= 0 && hours->first <= 1440 && hours->second >= 0 && hours->second <= 1440,
               "hours are of one day");
  if (const auto days = config::days_from(input)) {
    fuzz::must(!days->empty(), "some day is meant");
    for (const int day : *days) fuzz::must(day >= 0 && day < 7, "a day is of the week");
  }
  if (const auto spans = config::week_spans_from(input)) {
    for (const auto& span : *spans)
      fuzz::must(span.from >= 0 && span.from <= minutes_a_week && span.to >= 0 && span.to <= minutes_a_week,
                 "a span is of the week");
    if (const auto free = free_again_in(*spans, 720))
      fuzz::must(*free > 0 && *free <= minutes_a_week, "it is free again within a week");
  }
  static const std::vector<std::string> names{"interval", "fast_interval", "timeout"};
  (void)config::nearest(input, names);
}
