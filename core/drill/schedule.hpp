// When the next drill of a standby is due: pure.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "core/model/week.hpp"

namespace understudy::drill {

/// What is known of one standby.
struct Past {
  std::optional<WallTime> tried;   ///< its last drill, however it ended
  bool verified = false;           ///< that one
  std::optional<WallTime> proven;  ///< it last came up in earnest: a drill or a real move
};

inline constexpr Millis again_after_failure{86'400'000};

/// A standby that was never tried is due at once. One that failed is tried again after a day, or sooner when `every`
/// is shorter.
[[nodiscard]] inline bool due(const Past& past, Millis every, WallTime now) {
  if (past.tried && !past.verified) return now - *past.tried >= std::min(every, again_after_failure);
  const auto last = std::max(past.tried.value_or(WallTime{}), past.proven.value_or(WallTime{}));
  return now - last >= every;
}

/// No window: any time.
[[nodiscard]] inline bool open_at(const std::vector<WeekSpan>& window, int minute) {
  return window.empty() || std::ranges::any_of(window, [&](const WeekSpan& span) { return contains(span, minute); });
}

}  // namespace understudy::drill
