// One round of a target's checks, outside the schedule. On the loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/runtime/prober.hpp"

namespace understudy::runtime {

/// Replies exactly once, unless `alive` expires before. The instances live as long as `alive`. No sources: unknown.
void check_once(const config::Detect& detect, std::vector<CheckSource> sources, std::weak_ptr<int> alive,
                std::function<void(const detect::RoundResult&)> done);

}  // namespace understudy::runtime
