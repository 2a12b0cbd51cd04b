// What waits while nothing can be stored.
#include "core/failover/waiting.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::failover;

namespace {

HealthSeen health(const char* target, understudy::Verdict verdict) { return {TargetId(target), verdict, false, ""}; }

/// In a word each: T for a timer, P for a plan, A for an answer, and the target and verdict of what was seen.
std::string words(const std::deque<Event>& events) {
  std::string out;
  for (const auto& e : events) {
    const auto* h = std::get_if<HealthSeen>(&e);
    out += std::holds_alternative<TimerFired>(e) ? "T "
           : std::holds_alternative<PlanMade>(e) ? "P "
           : h != nullptr ? h->target.value + (h->verdict == understudy::Verdict::up ? ":up " : ":down ")
                          : "A ";
  }
  return out;
}

std::deque<Event> queue(std::initializer_list<Event> events) { return events; }

}  // namespace

TEST_CASE("waiting: what is seen takes the place of what was seen, and is heard before a timer and a plan") {
  const Event up = health("home", understudy::Verdict::up), down = health("home", understudy::Verdict::down),
              other = health("far", understudy::Verdict::up);
  const Event timer = TimerFired{}, plan = PlanMade{}, answer = Fenced{};
  struct Row {
    std::deque<Event> waiting;
    bool taken;
    std::string then;
  };
  for (auto& [waiting, taken, then] :
       std::vector<Row>{{queue({}), false, ""},
                        {queue({answer}), false, "A "},
                        {queue({other}), false, "far:up "},
                        {queue({down, answer}), true, "home:up A "},
                        {queue({timer}), true, "home:up T "},
                        {queue({timer, down}), true, "home:up T "},
                        {queue({plan}), true, "home:up P "},
                        {queue({answer, plan, timer}), true, "A home:up P T "},
                        {queue({answer, timer, other, down, timer}), true, "A home:up T far:up T "},
                        {queue({down, timer}), true, "home:up T "},
                        {queue({other, timer}), true, "far:up home:up T "}}) {
    CAPTURE(words(waiting));
    CHECK(overtake(waiting, up) == taken);
    CHECK(words(waiting) == then);
  }
}

TEST_CASE("waiting: what tells nothing of a target overtakes nobody") {
  auto waiting = queue({TimerFired{}, health("home", understudy::Verdict::down)});
  CHECK_FALSE(overtake(waiting, Event(Fenced{})));
  CHECK_FALSE(overtake(waiting, Event(TimerFired{})));
  CHECK(words(waiting) == "T home:down ");
}
