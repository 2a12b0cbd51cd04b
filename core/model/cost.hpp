// Money, prices and readiness: what the policy engine weighs.
#pragma once

#include <chrono>
#include <compare>
#include <string>

#include "core/model/time.hpp"

namespace understudy {

/// US dollars. A double: the terms are estimates, and their rounding error is far below a cent.
struct Usd {
  double value = 0;
  auto operator<=>(const Usd&) const = default;
  friend constexpr Usd operator+(Usd a, Usd b) noexcept { return {a.value + b.value}; }
  friend constexpr Usd operator-(Usd a, Usd b) noexcept { return {a.value - b.value}; }
  friend constexpr Usd operator*(Usd a, double k) noexcept { return {a.value * k}; }
  constexpr Usd& operator+=(Usd b) noexcept {
    value += b.value;
    return *this;
  }
};

/// What a target costs, from its plugin's quote or from the file.
struct Price {
  Usd standby_per_hour;
  Usd active_per_hour;
  Usd activation;
  Usd transfer_per_gb;  ///< per 10^9 bytes
  std::chrono::seconds min_billing{0};
  std::string source;  ///< "the provider's price list", "orchestrator.toml:41"; empty: nothing known, taken as 0
  std::string as_of;   ///< YYYY-MM-DD, may be empty
};

/// What the journal remembers of a target's own activations, drills included.
struct ActivationRecord {
  bool succeeded = false;
  Millis took{0};  ///< request → verified; for a failure the time until it was given up
  WallTime when{};
};

}  // namespace understudy
