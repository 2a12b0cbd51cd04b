// A drill's steps, alone: what was started is stopped, on every way out.
#include <random>

#include "core/config/week.hpp"
#include "core/drill/drill.hpp"
#include "core/drill/evidence.hpp"
#include "core/drill/schedule.hpp"
#include "tests/catch.hpp"

namespace {

using namespace understudy;
using namespace understudy::drill;
using std::chrono::hours;
using std::chrono::seconds;

struct Drilled {
  State state;
  Time now{};
  std::vector<Act> acts;
  Millis armed{0};

  explicit Drilled(bool needs_state = true) { state.terms = {needs_state, seconds(30), seconds(1), seconds(8), 3}; }
  Drilled& then(const Event& event, Millis after = Millis(0)) {
    now += after;
    for (const auto& action : step(state, event, now)) {
      acts.push_back(action.act);
      if (action.act == Act::arm) armed = action.after;
    }
    return *this;
  }
  [[nodiscard]] bool did(Act act) const { return std::ranges::find(acts, act) != acts.end(); }
};

}  // namespace

TEST_CASE("a drill brings the state, starts, waits for health, and tears down") {
  Drilled d;
  d.then(Begun{}).then(Prepared{true, "snapshot a"}, seconds(2)).then(Started{true, "pid 1"}, seconds(1));
  CHECK(holds(d.state));
  d.then(Healthy{"200"}, seconds(3)).then(Stopped{true, "ended"}, seconds(1));
  CHECK(d.acts == std::vector{Act::prepare, Act::start, Act::watch, Act::arm, Act::stop, Act::finish});
  CHECK(d.state.verified);
  CHECK(d.state.ready_in == seconds(4));  // bringing the state is not part of it, as in a promotion
  REQUIRE(d.state.lines.size() == 4);
  CHECK(d.state.lines[0].took == seconds(2));
  CHECK(d.state.lines[3].stage == Stage::stop);
  CHECK_FALSE(holds(d.state));
}

TEST_CASE("a stay at the end does not count as getting ready") {
  Drilled d(false);
  d.state.terms.ready_once_started = true;
  d.then(Begun{}).then(Started{true, "epoch 2"}, seconds(3)).then(Healthy{}, seconds(10)).then(Stopped{true, ""});
  CHECK(d.state.ready_in == seconds(3));
}

TEST_CASE("without a state that can be brought nothing is started") {
  Drilled d;
  d.then(Begun{}).then(Prepared{false, "damaged"});
  CHECK(d.acts == std::vector{Act::prepare, Act::finish});
  CHECK(d.state.failure == "damaged");
  CHECK_FALSE(d.state.verified);
}

TEST_CASE("a start that failed, or whose outcome nobody knows, is torn down too") {
  Drilled d(false);
  d.then(Begun{}).then(Started{false, "no answer"}, seconds(5));
  CHECK(d.acts == std::vector{Act::start, Act::stop});
  CHECK(d.state.ready_in == seconds(5));
  d.then(Stopped{true, ""});
  CHECK(d.state.failure == "no answer");
}

TEST_CASE("what is not healthy in time fails, and a stop that is not confirmed is asked again") {
  Drilled d(false);
  d.then(Begun{}).then(Started{true, ""});
  CHECK(d.armed == seconds(30));
  d.then(Expired{}, seconds(30));
  CHECK(d.state.stage == Stage::stop);
  for (const auto wait : {1, 2, 4, 8, 8}) {
    d.then(Stopped{false, "accepted"});
    CHECK(d.armed == seconds(wait));
    CHECK(holds(d.state));
    d.then(Expired{}, seconds(wait));
  }
  CHECK(std::ranges::count(d.acts, Act::tell_stuck) == 1);
  CHECK(std::ranges::count(d.acts, Act::stop) == 6);
  d.then(Stopped{true, ""});
  CHECK(d.acts.back() == Act::finish);
}

TEST_CASE("a drill is cancelled at once while it verifies, and after the answer while it starts") {
  Drilled verifying(false);
  verifying.then(Begun{}).then(Started{true, ""}).then(Cancelled{"a failover"});
  CHECK(verifying.state.stage == Stage::stop);
  CHECK(verifying.state.cancelled);
  Drilled starting(false);
  starting.then(Begun{}).then(Cancelled{"a failover"});
  CHECK(starting.acts == std::vector{Act::start});
  starting.then(Started{true, ""});
  CHECK(starting.acts == std::vector{Act::start, Act::stop});
  CHECK(starting.state.failure == "a failover");
  Drilled preparing;
  preparing.then(Begun{}).then(Cancelled{"a failover"}).then(Prepared{true, ""});
  CHECK(preparing.acts == std::vector{Act::prepare, Act::finish});
  Drilled late(false);
  late.then(Begun{}).then(Started{true, ""}).then(Healthy{""}).then(Cancelled{"a failover"}).then(Stopped{true, ""});
  CHECK(late.state.verified);
  CHECK_FALSE(late.state.cancelled);
}

TEST_CASE("a service that cannot come back from a switchover drill stays, and that is no success") {
  Drilled d(false);
  d.then(Begun{}).then(Started{true, ""}).then(Healthy{""}).then(Stopped{false, "home is not well", true});
  CHECK(d.acts.back() == Act::finish);
  CHECK_FALSE(d.state.verified);
  CHECK(d.state.failure == "home is not well");
}

TEST_CASE("where it is left is told, whatever went wrong before") {
  Drilled d(false);
  d.then(Begun{})
      .then(Started{true, ""})
      .then(Unhealthy{"not well there"})
      .then(Stopped{false, "it stays there", true});
  CHECK(d.state.failure == "not well there; it stays there");
}

TEST_CASE("a stop that could not be asked yet is no stop that was not confirmed") {
  Drilled d(false);
  d.then(Begun{}).then(Started{true, ""}).then(Healthy{""});
  for (int i = 0; i < 10; ++i) {
    d.then(Stopped{false, "another move", false, true});
    CHECK(d.armed == seconds(1));
    d.then(Expired{}, seconds(1));
  }
  CHECK_FALSE(d.did(Act::tell_stuck));
  CHECK(d.state.stops == 0);
  CHECK(std::ranges::count(d.acts, Act::stop) == 11);
}

TEST_CASE("the timer of another stage asks no second stop while the first is under way") {
  Drilled d(false);
  d.then(Begun{}).then(Started{true, ""}).then(Healthy{""}).then(Expired{}, seconds(30));
  CHECK(std::ranges::count(d.acts, Act::stop) == 1);
  d.then(Stopped{false, "accepted"}).then(Expired{}, seconds(1)).then(Expired{});
  CHECK(std::ranges::count(d.acts, Act::stop) == 2);
}

TEST_CASE("after a crash the copy is stopped before anything else") {
  Drilled d;
  d.then(Recovered{});
  CHECK(d.acts == std::vector{Act::stop});
  CHECK(holds(d.state));
  d.then(Stopped{true, ""});
  CHECK(d.acts.back() == Act::finish);
}

TEST_CASE("whatever comes in whatever order: a copy that was started is over only after a confirmed stop") {
  std::mt19937 random(20'261'121);
  const std::vector<Event> all{Prepared{true, ""}, Prepared{false, ""}, Started{true, ""}, Started{false, ""},
                               Healthy{},          Unhealthy{},         Stopped{true, ""}, Stopped{false, ""},
                               Expired{},          Cancelled{}};
  for (int run = 0; run < 2'000; ++run) {
    Drilled d(run % 2 == 0);
    if (run % 5 == 0) {
      d.then(Recovered{});
    } else {
      d.then(Begun{});
    }
    bool confirmed = false;
    for (int i = 0; i < 40 && d.state.stage != Stage::over; ++i) {
      const auto& event = all[random() % all.size()];
      const auto* stopped = std::get_if<Stopped>(&event);
      confirmed = confirmed || (stopped != nullptr && stopped->ok && d.state.stage == Stage::stop);
      d.then(event, Millis(random() % 1000));
    }
    if (d.state.stage != Stage::over) continue;
    CHECK(std::ranges::count(d.acts, Act::finish) == 1);
    CHECK((confirmed || !d.state.started));
    if (d.state.verified) CHECK(d.did(Act::watch));
  }
}

TEST_CASE("a standby is due when neither a drill nor a real move proved it for so long") {
  const WallTime now{hours(24 * 365)};
  const Millis month = hours(24 * 30);
  CHECK(due({}, month, now));
  CHECK_FALSE(due({now - hours(1), true, {}}, month, now));
  CHECK(due({now - month, true, {}}, month, now));
  CHECK_FALSE(due({now - month, true, now - hours(1)}, month, now));
  CHECK_FALSE(due({now - hours(23), false, now - month}, month, now));
  CHECK(due({now - hours(24), false, now - hours(30)}, month, now));
  CHECK(due({now - hours(2), false, {}}, hours(1), now));
}

TEST_CASE("a schedule's window may name days with hours") {
  const auto window = config::week_spans_from("mon-fri 10:00-16:00");
  REQUIRE(window);
  CHECK(window->size() == 5);
  CHECK(open_at(*window, 10 * 60));
  CHECK_FALSE(open_at(*window, 16 * 60));
  CHECK(open_at(*window, 4 * 1440 + 12 * 60));
  CHECK_FALSE(open_at(*window, 5 * 1440 + 12 * 60));
  CHECK(open_at({}, 0));
  const auto night = config::week_spans_from("sun 22:00-06:00");
  REQUIRE(night);
  CHECK(open_at(*night, 5 * 60));  // Monday morning
  CHECK_FALSE(open_at(*night, 7 * 60));
  CHECK_FALSE(config::week_spans_from("mon-fri 10:00"));
  CHECK_FALSE(config::week_spans_from("mon-xyz 10:00-16:00"));
}

TEST_CASE("what checks said before the copy ran decides what they prove of it") {
  const auto round = [](Outcome outcome, std::string failed_before = "") {
    return detect::RoundResult{outcome, "because", false, Micros(1), std::move(failed_before)};
  };
  const auto pass = round(Outcome::pass), fail = round(Outcome::fail), degraded = round(Outcome::degraded);
  const auto weak = round(Outcome::pass, "http: connection refused");
  const Before nothing = before_the_copy(fail);
  CHECK((before_the_copy(pass).passed && before_the_copy(degraded).passed && !nothing.passed));

  CHECK(is_well(pass, nothing, true, false));
  CHECK_FALSE(is_well(fail, nothing, true, true));
  CHECK((is_well(degraded, nothing, true, false) && !is_well(degraded, nothing, false, true)));

  // The process lives and its port refuses: it may be starting, and then it is as well as it shows.
  CHECK_FALSE(is_well(weak, nothing, true, false));
  CHECK(is_well(weak, nothing, true, true));

  // The same before the copy ran: the first check can still prove it, the second never.
  const Before machine_only = before_the_copy(weak);
  CHECK_FALSE(machine_only.passed);
  CHECK(is_well(pass, machine_only, true, false));
  CHECK_FALSE(is_well(weak, machine_only, true, true));
}

TEST_CASE("readiness counts from when the start was asked for, or is what the move measured") {
  Drilled d;
  d.then(Begun{}).then(Prepared{true, "snapshot a"}, seconds(2));
  d.then(Asked{}, seconds(10));  // until then its checks were tried without it
  d.then(Started{true, "pid 1"}, seconds(1)).then(Healthy{"200"}, seconds(3));
  CHECK(d.state.ready_in == seconds(4));

  Drilled moved(false);
  moved.state.terms.ready_once_started = true;
  moved.then(Begun{}).then(Started{true, "epoch 2", Millis(1'500)}, seconds(40)).then(Healthy{"it served"}, seconds(5));
  CHECK(moved.state.ready_in == Millis(1'500));
}
