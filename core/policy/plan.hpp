// Which standby to promote, and why: a pure function of prices, readiness, constraints and what silence costs.
//
// Expected cost of putting candidate s first (DESIGN.md §6; the order of the rest matters through the last term):
//
//   J(s) = D·T_ready + run price·max(outage, minimum billing) + activation fee + state transfer + (1 − p)·D·T_next
//
// D: downtime cost per hour; T_ready: the target's own past activations blended with what the file declares;
// p: Beta-smoothed success rate; T_next: how long the next candidate then takes. What is already paid while standing
// by is not counted: the price is marginal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/config/config.hpp"
#include "core/model/cost.hpp"
#include "core/model/ids.hpp"

namespace understudy::policy {

/// What is known of one candidate.
struct Candidate {
  TargetId target;
  Price price;
  config::Declared declared;
  std::vector<ActivationRecord> history;  ///< newest first; its own promotions and drills
  std::string region, failure_domain;
  int order = 0;
  bool answers = true;  ///< its control plane answered lately
  std::string why_not;  ///< when it did not
  bool breaker_open = false;
  bool excluded = false;        ///< tried in this move, or the failed target itself
  std::string excluded_reason;  ///< the stable word: "failed", "tried"
  std::string excluded_why;
  bool last_resort = false;  ///< it has just failed, or is being drilled: tried when nobody else can be
};

/// What is the same for all.
struct Situation {
  Usd downtime_cost_per_hour;
  config::Objective objective = config::Objective::expected_cost;
  std::vector<std::string> regions;
  config::Budget budget;
  Usd spent_this_month;
  Millis expected_outage{3'600'000};  ///< of home, declared
  std::vector<Millis> past_outages;   ///< of home, newest first
  Millis failback_dwell{0};           ///< for so long home must be well before the service goes home
  std::int64_t state_bytes = 0;
  std::string failed_domain;  ///< failure domain of what failed; empty: none to avoid
  bool ignore_breakers = false;
};

struct Readiness {
  Millis mean{0};         ///< what the formula uses
  Millis p50{0}, p95{0};  ///< of the evidence; 0 without any
  int samples = 0;
  double success = 0;  ///< p
  int attempts = 0;    ///< successes and failures seen
};

struct Term {
  const char* name = "";  ///< "silence until ready", ...
  Usd cost;
};

struct Ranked {
  TargetId target;
  Readiness readiness;
  Usd total;
  Usd silence, run, activation, transfer, failure;  ///< the terms
  std::string price_source, price_date;
  bool last_resort = false;
};

struct Excluded {
  TargetId target;
  std::string reason;  ///< stable: "control_plane", "breaker", "region", "failure_domain", "budget", "failed", "tried"
  std::string text;
};

struct Plan {
  config::Objective objective = config::Objective::expected_cost;
  Millis outage{0};  ///< expected, as used
  Millis failback_dwell{0};
  int outage_samples = 0;
  Usd downtime_cost_per_hour;
  std::vector<Ranked> ranked;
  std::vector<Excluded> excluded;
  std::vector<std::string> notes;  ///< "the first place changes when ..."

  [[nodiscard]] std::string summary() const;    ///< why the first is first, one sentence
  [[nodiscard]] std::string why_empty() const;  ///< the exclusions, one sentence
};

/// The same inputs always give the same plan. 1,000 candidates: well under a millisecond (bench/).
[[nodiscard]] Plan make_plan(const Situation& situation, const std::vector<Candidate>& candidates);

/// Evidence blended with the declared value, which weighs as much as `prior_weight` samples.
[[nodiscard]] Readiness readiness_of(const config::Declared& declared, const std::vector<ActivationRecord>& history);
inline constexpr double prior_weight = 2;

[[nodiscard]] nlohmann::json to_json(const Plan& plan);
[[nodiscard]] std::string render(const Plan& plan);

}  // namespace understudy::policy
