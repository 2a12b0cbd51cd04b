// By when a workload whose lease ends is killed.
#include "core/agent/lease_end.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::agent;

namespace {

constexpr Millis worst_kill{5'000};
Time moment(std::int64_t ms) { return Time(Millis(ms)); }

}  // namespace

TEST_CASE(
    "a refusal leaves the kill time from its reading, and what was asked to end before has what the lease leaves") {
  const auto end = end_of_refused(moment(10'000), moment(18'000), false, worst_kill);
  CHECK(end.kill_at == killed_at(moment(10'000), worst_kill));
  CHECK(end.latest == killed_at(moment(18'000), worst_kill));
  const auto over = end_of_refused(moment(10'000), moment(18'000), true, worst_kill);  // another one may run already
  CHECK(over.latest == over.kill_at);
}

TEST_CASE("a refusal that is read after the lease has run out prolongs nothing") {
  for (const bool may_be_over : {false, true}) {
    INFO(may_be_over);
    const auto end = end_of_refused(moment(60'000), moment(18'000), may_be_over, worst_kill);  // a container was paused
    CHECK(end.kill_at == killed_at(moment(18'000), worst_kill));
    CHECK(end.latest == killed_at(moment(18'000), worst_kill));
  }
}

TEST_CASE("what is held over has no end of its lease: a refusal gives it its kill time") {
  const auto end = end_of_refused(moment(60'000), std::nullopt, false, worst_kill);
  CHECK(end == LeaseEnd{killed_at(moment(60'000), worst_kill), killed_at(moment(60'000), worst_kill)});
}

TEST_CASE("no refusal ever gives a workload more than the kill time after its lease") {
  for (std::int64_t now = 0; now <= 40'000; now += 500) {
    for (std::int64_t held_until = 0; held_until <= 40'000; held_until += 500) {
      for (const bool may_be_over : {false, true}) {
        INFO(now << " " << held_until << " " << may_be_over);
        const auto end = end_of_refused(moment(now), moment(held_until), may_be_over, worst_kill);
        REQUIRE(end.kill_at <= end.latest);
        REQUIRE(end.latest + slack_of(worst_kill) < moment(held_until) + worst_kill);
        REQUIRE(end.kill_at + slack_of(worst_kill) < moment(now) + worst_kill);
      }
    }
  }
}
