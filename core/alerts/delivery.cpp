#include "core/alerts/delivery.hpp"

#include <algorithm>

namespace understudy::alerts {
namespace {

constexpr int attempts_in_all = 2'000;  // with the longest backoff about a week

}  // namespace

NextAttempt after_failure(const Attempted& attempted, std::uint64_t random) noexcept {
  const auto backoff = delivery_backoff(attempted.attempt, random);
  return {.hand_over =
              !attempted.in_anothers_place && (attempted.refused || attempted.attempt >= attempts_before_hand_over),
          .give_up = (attempted.refused && attempted.told_elsewhere) || attempted.attempt >= attempts_in_all,
          .wait = std::max(backoff, attempted.retry_after.value_or(Millis(0)))};
}

Millis delivery_backoff(int attempt, std::uint64_t random) noexcept {
  const std::int64_t base = std::min<std::int64_t>(300'000, 2'000LL << std::min(attempt, 10));
  return Millis(base * (750 + static_cast<std::int64_t>(random % 500)) / 1000);
}

}  // namespace understudy::alerts
