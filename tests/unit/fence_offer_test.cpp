// What people are told of how it is made certain that a target has ended.
#include "core/runtime/fence_offer.hpp"
#include "tests/catch.hpp"

#include <nlohmann/json.hpp>

using namespace understudy;
using runtime::FenceOffer;
using By = FenceOffer::By;

namespace {

struct Offered {
  config::Service service;
  config::Target home;
  failover::State state;

  Offered() { home.id = TargetId("home"); }
  Offered& with_lease() {
    home.lease = true;
    return *this;
  }
  /// An agent renewed there.
  Offered& seen(Millis kill_time = Millis(5'000), bool holds_over = false) {
    auto& guard = state.guards[home.id];
    guard.ttl = Millis(12'000);
    guard.kill_time = kill_time;
    guard.holds_over = holds_over;
    return *this;
  }
  Offered& on_unfenceable(config::Unfenceable what) {
    service.on_unfenceable = what;
    return *this;
  }
  [[nodiscard]] FenceOffer offer(bool can_stop) const {
    auto with_home = service;
    with_home.targets = {home};
    return runtime::fence_offer_of(with_home, home, state, can_stop);
  }
};

}  // namespace

TEST_CASE("a target whose agent renews offers its lease, whatever its plugin can") {
  for (const bool can_stop : {true, false}) {
    const auto offer = Offered().with_lease().seen().offer(can_stop);
    CHECK(offer.by == By::lease);
    CHECK(offer.wait == Millis(20'000));
    CHECK(words_of(offer) == "lease: out of reach, it has ended after 20 s");
    CHECK_THAT(sentence_of(TargetId("home"), offer), ContainsSubstring("has run out for certain after 20 s"));
  }
}

TEST_CASE("an agent that needs longer to kill makes the wait longer") {
  CHECK(Offered().with_lease().seen(Millis(15'000)).offer(true).wait == Millis(30'000));
}

TEST_CASE("a lease that proves nothing leaves the stop, and says why it does not count") {
  CHECK(Offered().with_lease().offer(true).by == By::stop);
  CHECK_THAT(words_of(Offered().with_lease().offer(true)), ContainsSubstring("its agent has not renewed a lease yet"));
  const auto over = Offered().with_lease().seen(Millis(5'000), true).offer(true);
  CHECK(over.by == By::stop);
  CHECK_THAT(sentence_of(TargetId("home"), over), ContainsSubstring("store_outage = \"hold\""));
}

TEST_CASE("a target with neither a stop nor a lease says what the file does with it") {
  const auto held = Offered().on_unfenceable(config::Unfenceable::hold).offer(false);
  CHECK(held.by == By::neither);
  CHECK(sentence_of(TargetId("home"), held) ==
        "nobody can be certain that home has ended: its plugin offers no stop, and it keeps no lease: a person must "
        "end it "
        "and say --force (on_unfenceable = \"hold\")");
  const auto left = Offered().on_unfenceable(config::Unfenceable::promote).offer(false);
  CHECK(words_of(left) ==
        "neither a stop nor a lease: another is promoted all the same, and two may run (on_unfenceable = \"promote\")");
  CHECK(to_json(left).at("by") == "neither");
  CHECK(to_json(left).at("unfenceable") == "promote");
}

TEST_CASE("a lease that proves nothing, and no stop, is neither") {
  const auto offer = Offered().with_lease().offer(false);
  CHECK(offer.by == By::neither);
  CHECK(to_json(offer).at("lease") == "unseen");
  CHECK_THAT(words_of(offer), ContainsSubstring("its agent has not renewed a lease yet"));
}

TEST_CASE("a stop says that what is out of reach is held, and nothing of on_unfenceable") {
  const auto offer = Offered().on_unfenceable(config::Unfenceable::promote).offer(true);
  CHECK(offer.by == By::stop);
  CHECK(to_json(offer).at("unfenceable").is_null());
  CHECK_THAT(sentence_of(TargetId("home"), offer), ContainsSubstring("held until its stop is confirmed"));
}
