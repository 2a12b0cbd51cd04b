// What becomes of a delivery that did not arrive.
#include "core/alerts/delivery.hpp"
#include "tests/catch.hpp"

namespace understudy::alerts {
namespace {

bool handed_over(const Attempted& attempted) { return after_failure(attempted, 0).hand_over; }
bool given_up(const Attempted& attempted) { return after_failure(attempted, 0).give_up; }

}  // namespace

TEST_CASE("the others tell what failed five times, or what is refused, and hand nothing on themselves") {
  CHECK_FALSE(handed_over({.attempt = 4}));
  CHECK(handed_over({.attempt = 5}));
  CHECK(handed_over({.attempt = 1, .refused = true}));
  CHECK_FALSE(handed_over({.attempt = 9, .refused = true, .in_anothers_place = true}));
}

TEST_CASE("what is refused is given up when it was told elsewhere, and anything in the end") {
  CHECK_FALSE(given_up({.attempt = 100, .refused = true}));
  CHECK(given_up({.attempt = 1, .refused = true, .told_elsewhere = true}));
  CHECK_FALSE(given_up({.attempt = 100, .told_elsewhere = true}));  // it may be taken yet
  CHECK_FALSE(given_up({.attempt = 1'999}));
  CHECK(given_up({.attempt = 2'000}));
}

TEST_CASE("attempts come from seconds to minutes apart, and not before the notifier's own word") {
  for (const std::uint64_t random : {0ULL, 499ULL, 12'345'678'901ULL, ~0ULL}) {
    CHECK(delivery_backoff(1, random) >= Millis(3'000));
    CHECK(delivery_backoff(1, random) <= Millis(5'000));
    for (const int attempt : {8, 10, 62, 1'999}) {
      CHECK(delivery_backoff(attempt, random) >= Millis(225'000));
      CHECK(delivery_backoff(attempt, random) <= Millis(375'000));
    }
  }
  CHECK(after_failure({.attempt = 1, .retry_after = Millis(3'600'000)}, 0).wait == Millis(3'600'000));
  CHECK(after_failure({.attempt = 1, .retry_after = Millis(10)}, 0).wait == delivery_backoff(1, 0));
}

}  // namespace understudy::alerts
