// What the journal remembers of one service's outages and starts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/model/cost.hpp"
#include "core/model/ids.hpp"

namespace understudy {

struct Past {
  struct Outage {
    TargetId target;  ///< where it ran when it failed
    Millis lasted{0};
  };
  std::map<TargetId, Millis> held;                                ///< how long each held the service: only then its
                                                                  ///< outages are known
  std::vector<Outage> outages;                                    ///< newest first
  std::map<TargetId, std::vector<ActivationRecord>> activations;  ///< newest first
  std::optional<std::int64_t> state_bytes;                        ///< of the newest snapshot
};

}  // namespace understudy
