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

}  // namespace

bool somebody_waits(const Event& event) {
  return std::holds_alternative<Command>(event) || std::holds_alternative<LeaseAsked>(event);
}

bool overtake(std::deque<Event>& waiting, const Event& event) {
  const auto* target = seen_of(event);
  if (target == nullptr) return false;
  const auto older = std::ranges::find_if(
      waiting, [&](const Event& one) { return one.index() == event.index() && *seen_of(one) == *target; });
  const auto timer =
      std::ranges::find_if(waiting, [](const Event& e) { return std::holds_alternative<TimerFired>(e); });
  if (older < timer) {
    *older = event;
    return true;
  }
  if (timer == waiting.end()) return false;
  if (older != waiting.end()) waiting.erase(older);  // behind the timer, whose place it leaves as it is
  waiting.insert(std::ranges::find_if(waiting, [](const Event& e) { return std::holds_alternative<TimerFired>(e); }),
                 event);
  return true;
}

}  // namespace understudy::failover
