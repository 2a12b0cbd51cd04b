// How the file writes times of the day and of the week, all local.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/week.hpp"

namespace understudy::config {

/// "22:00-06:00" as minutes of the day.
[[nodiscard]] std::optional<std::pair<int, int>> hours_from(std::string_view text);
/// "mon", "sat-sun" as days, 0 is Monday.
[[nodiscard]] std::optional<std::vector<int>> days_from(std::string_view text);
/// "fri 16:00 - mon 08:00", "22:00-06:00" (every day), "sat-sun" (whole days), "mon-fri 10:00-16:00".
[[nodiscard]] std::optional<std::vector<WeekSpan>> week_spans_from(std::string_view text);

}  // namespace understudy::config
