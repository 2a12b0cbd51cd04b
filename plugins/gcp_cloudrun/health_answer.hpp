// The supervisor's /health, read. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "understudy/types.hpp"

namespace gcp {

/// What /health says of the workload. `state` is read from "mode" and the workload's status, whatever the HTTP status.
struct SupervisorHealth {
  int http = 0;
  /// The last activation, when it has come to nothing: what it was and why.
  struct Failed {
    std::uint64_t epoch = 0;
    std::string operation, why;
  };
  std::optional<Failed> failed;
  understudy::sdk::Observation::State state = understudy::sdk::Observation::State::unknown;
  std::optional<std::uint64_t> epoch;
  std::string detail;
  std::string instance;         ///< which supervisor it is; empty: one that does not say, or not as an agent does
  std::optional<bool> unsaved;  ///< what the workload left is not in the store; none: it cannot be told yet
};
/// Which supervisor gave an answer, from its body; empty: as above. Pure.
[[nodiscard]] std::string instance_in(const understudy::sdk::Json& body);
/// Pure; an answer that is not the supervisor's is `unknown`.
[[nodiscard]] SupervisorHealth read_health(int http, const understudy::sdk::Json& body);

}  // namespace gcp
