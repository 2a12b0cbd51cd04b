// One evaluation of a target's checks: which to start, and what they say together. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/model/health.hpp"

namespace understudy::detect {

/// Of one check of our own network; a round that fails over a network waits for them.
inline constexpr Millis reference_timeout{3'000};

/// What one round found.
struct RoundResult {
  Outcome outcome = Outcome::unknown;
  std::string cause;
  bool local = false;  ///< the deciding evidence did not cross a network
  Micros latency{0};
  std::string failed_before{};  ///< what an earlier check of the chain failed of, without a verdict; empty: none did
  bool weak = false;            ///< degraded by of_candidate() alone: no check has said so
};

/// The same of a candidate that was just started: what passes only after an earlier check has failed (the process
/// lives, its port refuses) is weak evidence, degraded; it is ready when that check has something to say.
[[nodiscard]] RoundResult of_candidate(RoundResult result);

/// Chain: the checks are asked one after the other, and the first with a verdict decides; when none has one, the worst
/// outcome among them does (a connection refused, with nothing else to say, is a failure). The others ask all at once:
/// `any`: one pass is enough; `all`: each must pass; `k_of_n`: k must pass. Unknown answers count neither way: when
/// they could still change the result, it is unknown.
class Round {
 public:
  Round(config::Combine combine, int k, int checks);

  /// The checks to start now; each is named once.
  [[nodiscard]] std::vector<int> next();
  /// The answer of a check. The result, once it is decided; then the round is over.
  [[nodiscard]] std::optional<RoundResult> report(int check, CheckReport report);
  [[nodiscard]] const std::vector<std::optional<CheckReport>>& reports() const noexcept { return reports_; }

 private:
  [[nodiscard]] std::optional<RoundResult> chain_result() const;
  [[nodiscard]] std::optional<RoundResult> counted_result() const;

  config::Combine combine_;
  int needed_;
  std::vector<std::optional<CheckReport>> reports_;
  int started_ = 0;
};

}  // namespace understudy::detect
