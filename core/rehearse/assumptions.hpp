// What a rehearsal takes for true of the world: the file's [rehearse], blended with what the journal remembers. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/model/cost.hpp"
#include "core/model/past.hpp"

namespace understudy::rehearse {

struct TargetAssumptions {
  double outages_per_year = 0;
  Millis outage{0};  ///< mean length
  double unreachable = 0;
  double activation_fails = 0;
  double activation_spread = 0;
  int outages_seen = 0, activations_seen = 0;
  std::vector<ActivationRecord> history;  ///< the policy knows it from the start; durations are drawn from it too
  Price price;
  Millis warm_ready_in{0};
  Usd warm_per_hour;

  /// Request -> healthy on average, as plans expect it.
  [[nodiscard]] Millis ready_in(const config::Declared& declared) const;
};

struct Assumptions {
  config::Rehearsal general;
  std::vector<TargetAssumptions> targets;  ///< as Service::targets
  std::vector<Millis> past_outages;        ///< of home, newest first
  bool reference = false;                  ///< the orchestrator checks its own network
  bool act = true;
  bool stated = false;  ///< the faults are a scenario's: nothing fails by chance
};

/// Prices that the file does not give, by target.
using Quotes = std::map<TargetId, Price>;

/// What was seen counts like samples beside two of what the file says, as in policy::readiness_of().
[[nodiscard]] Assumptions assume(const config::Config& config, const config::Service& service,
                                 const std::optional<Past>& past, const Quotes& quotes);
/// For a scenario: what it does not state goes well.
[[nodiscard]] Assumptions only_stated(Assumptions a);
/// A sentence each.
[[nodiscard]] std::vector<std::string> sentences(const Assumptions& a, const config::Service& service);

/// "90 s", "12 min", "3.5 h"
[[nodiscard]] std::string span_text(Millis span);

}  // namespace understudy::rehearse
