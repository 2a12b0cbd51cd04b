#include "core/failover/waiting.hpp"

#include <algorithm>

namespace understudy::failover {
namespace {

/// Whose health or state it tells; null: it tells none.
const TargetId* seen_of(const Event& event) {
  if (const auto* health = std::get_if<HealthSeen>(&event)) return &health->target;
  if (const auto* seen = std::get_if<Observed>(&event)) return &seen->target;
  return nullptr;
}

/// It goes on with what was decided before.
bool is_due(const Event& event) {
  return std::holds_alternative<TimerFired>(event) || std::holds_alternative<PlanMade>(event);
}

}  // namespace

bool somebody_waits(const Event& event) {
  return std::holds_alternative<Command>(event) || std::holds_alternative<LeaseAsked>(event);
}

bool overtake(std::deque<Event>& waiting, const Event& event) {
  const auto* target = seen_of(event);
  if (target == nullptr) return false;
  const auto older = std::ranges::find_if(
      waiting, [&](const Event& one) { return one.index() == event.index() && *seen_of(one) == *target; });
  const auto due = std::ranges::find_if(waiting, is_due);
  if (older < due) {
    *older = event;
    return true;
  }
  if (due == waiting.end()) return false;
  if (older != waiting.end()) waiting.erase(older);  // it is behind what is due, whose iterator ends with this
  waiting.insert(std::ranges::find_if(waiting, is_due), event);
  return true;
}

}  // namespace understudy::failover
