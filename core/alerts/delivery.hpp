// What becomes of a delivery that was tried and did not arrive: one rule, for the outbox and for the simulator. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "core/model/time.hpp"

namespace understudy::alerts {

/// A delivery after a failed attempt.
struct Attempted {
  int attempt = 1;              ///< which one it was
  bool refused = false;         ///< for good, as things are: a wrong token, a message that it never takes
  bool told_elsewhere = false;  ///< another notifier has told it in this one's place
  bool in_anothers_place = false;
  std::optional<Millis> retry_after = {};  ///< the notifier's own word
};

struct NextAttempt {
  bool hand_over = false;  ///< the others are to tell it as well, unless they were asked before
  bool give_up = false;    ///< no other attempt is made
  Millis wait{0};          ///< until it
};

/// It is given up only when somebody else has told it instead, or when it has become an old story (about a week).
[[nodiscard]] NextAttempt after_failure(const Attempted& attempted, std::uint64_t random) noexcept;

/// After so many the notifier counts as down: the others tell this and what waits behind it, if there are others, and
/// nothing that came later waits for it.
inline constexpr int attempts_before_hand_over = 5;

/// How long until a failed delivery is tried again: doubling from 4 s to 5 min, ± 25 %.
[[nodiscard]] Millis delivery_backoff(int attempt, std::uint64_t random) noexcept;

}  // namespace understudy::alerts
