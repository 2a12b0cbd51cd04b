// A service's rehearsals, for people, programs and tables. Pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/rehearse/report.hpp"

namespace understudy::rehearse {

struct Result {
  std::string alternative;
  Report report;
};

/// Of one service; the file as it is comes first.
struct Rehearsed {
  std::string service;
  std::vector<std::string> assumptions;
  std::vector<Result> results;
  bool stated = false;  ///< of a scenario: sums are shown as they are. Otherwise as of a year
};

/// By what a report's sums are multiplied to be shown, and what they are then.
struct Scale {
  double factor = 1;
  const char* unit = "in all";

  [[nodiscard]] Millis of(Millis span) const;
  [[nodiscard]] double of(Usd usd) const { return usd.value * factor; }
};
[[nodiscard]] Scale scale_of(const Rehearsed& rehearsed);

[[nodiscard]] std::string to_text(const Rehearsed& rehearsed);
[[nodiscard]] nlohmann::json to_json(const Rehearsed& rehearsed);
/// A line an alternative, with a head; RFC 4180.
[[nodiscard]] std::string to_csv(const std::vector<Rehearsed>& all);
/// Self-contained: each alternative's downtime and cost a year as bars.
[[nodiscard]] std::string to_svg(const std::vector<Rehearsed>& all);

}  // namespace understudy::rehearse
