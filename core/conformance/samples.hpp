// Parameters that are harmless to send.
#pragma once

#include <string>
#include <vector>

#include "core/conformance/case.hpp"

namespace understudy::conformance {

struct Sample {
  std::string method;
  sdk::Json params;
};

/// Calls that look and do not touch, of those that the interface under test provides; a notifier's sends a test alert.
[[nodiscard]] std::vector<Sample> harmless_calls(Bench& bench);
[[nodiscard]] sdk::Json sample_alert(const Bench& bench, const std::string& id);

}  // namespace understudy::conformance
