// Health as values: what one check said, and what detection concluded from many.
#pragma once

#include <string>
#include <string_view>

#include "core/model/time.hpp"

namespace understudy {

/// What a check found. `unknown` never counts towards a failover: the check could not tell.
enum class Outcome { pass, degraded, fail, unknown };

/// The answer of one check.
struct CheckReport {
  Outcome outcome = Outcome::unknown;
  std::string cause;    ///< shown to people, whatever the outcome
  bool verdict = true;  ///< false: nothing to say (refused, timed out, 404); a chain goes on to the next check
  bool local = false;   ///< the evidence did not cross a network, so our own network cannot be what failed
  Micros latency{0};
};

/// What detection believes of a target.
enum class Verdict { unknown, up, degraded, down };

[[nodiscard]] constexpr std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::pass: return "pass";
    case Outcome::degraded: return "degraded";
    case Outcome::fail: return "fail";
    case Outcome::unknown: break;
  }
  return "unknown";
}

[[nodiscard]] constexpr std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::up: return "up";
    case Verdict::degraded: return "degraded";
    case Verdict::down: return "down";
    case Verdict::unknown: break;
  }
  return "unknown";
}

}  // namespace understudy
