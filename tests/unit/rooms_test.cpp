// Detection, policy and routing: the pure rooms.
#include <random>

#include "core/alerts/board.hpp"
#include "core/alerts/routing.hpp"
#include "core/config/week.hpp"
#include "core/detect/detector.hpp"
#include "core/detect/schedule.hpp"
#include "core/policy/plan.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::detect;

namespace {

Time at(int seconds) { return Time(std::chrono::seconds(seconds)); }
RoundResult round(Outcome o, bool local = false) { return {o, "because", local, Micros(5)}; }
CheckReport report(Outcome o, bool verdict = true) { return {o, "c", verdict, false, Micros(1)}; }

policy::Candidate candidate(const std::string& name, double per_hour, int ready_s) {
  policy::Candidate c;
  c.target = TargetId(name);
  c.price.active_per_hour = {per_hour};
  c.declared = {Millis(ready_s * 1000), 0.9};
  return c;
}
policy::Situation situation(double downtime) {
  policy::Situation s;
  s.downtime_cost_per_hour = {downtime};
  return s;
}

}  // namespace

TEST_CASE("a chain asks the next check only when the one before has no verdict") {
  Round r(config::Combine::chain, 1, 3);
  CHECK(r.next() == std::vector<int>{0});
  CHECK_FALSE(r.report(0, report(Outcome::fail, false)).has_value());
  CHECK(r.next() == std::vector<int>{1});
  const auto result = r.report(1, report(Outcome::degraded));
  REQUIRE(result);
  CHECK(result->outcome == Outcome::degraded);
}

TEST_CASE("a pass after a check that failed without a verdict keeps a site, and qualifies no candidate") {
  const auto chain = [](Outcome first, bool verdict) {
    Round r(config::Combine::chain, 1, 2);
    (void)r.next();
    if (const auto decided = r.report(0, report(first, verdict))) return *decided;
    (void)r.next();
    return r.report(1, report(Outcome::pass)).value();
  };
  const auto refused = chain(Outcome::fail, false);
  CHECK(refused.outcome == Outcome::pass);
  CHECK(of_candidate(refused).outcome == Outcome::degraded);
  CHECK(of_candidate(refused).cause.find("but ") != std::string::npos);
  CHECK(of_candidate(chain(Outcome::unknown, false)).outcome ==
        Outcome::pass);  // a check that cannot tell speaks against nobody
  CHECK(of_candidate(chain(Outcome::pass, true)).outcome == Outcome::pass);
  CHECK(of_candidate(chain(Outcome::fail, true)).outcome == Outcome::fail);
}

TEST_CASE("a chain without any verdict takes the worst outcome") {
  Round r(config::Combine::chain, 1, 2);
  (void)r.next();
  (void)r.report(0, report(Outcome::unknown, false));
  (void)r.next();
  CHECK(r.report(1, report(Outcome::fail, false))->outcome == Outcome::fail);
}

TEST_CASE("k of n: unknown answers decide nothing that they could still change") {
  const auto result_of = [](int k, std::vector<Outcome> outcomes) {
    Round r(config::Combine::k_of_n, k, static_cast<int>(outcomes.size()));
    (void)r.next();
    std::optional<RoundResult> out;
    for (std::size_t i = 0; i < outcomes.size(); ++i) out = r.report(static_cast<int>(i), report(outcomes[i]));
    return out->outcome;
  };
  CHECK(result_of(2, {Outcome::pass, Outcome::pass, Outcome::fail}) == Outcome::pass);
  CHECK(result_of(2, {Outcome::pass, Outcome::fail, Outcome::fail}) == Outcome::fail);
  CHECK(result_of(2, {Outcome::pass, Outcome::unknown, Outcome::fail}) == Outcome::unknown);
  CHECK(result_of(1, {Outcome::fail, Outcome::degraded, Outcome::fail}) == Outcome::degraded);
}

TEST_CASE("it takes `fall` failures to be down and `rise` passes to be up again") {
  config::Detect c;
  c.fall = 3;
  c.rise = 2;
  Detector d;
  CHECK(d.on_round(c, round(Outcome::pass), true, at(0)).changed);
  CHECK(d.verdict() == Verdict::up);
  CHECK(d.on_round(c, round(Outcome::fail), true, at(1)).changed);  // failing now
  CHECK(d.failing());
  CHECK(d.interval(c, false) == c.fast_interval);
  (void)d.on_round(c, round(Outcome::fail), true, at(2));
  CHECK(d.verdict() == Verdict::up);
  (void)d.on_round(c, round(Outcome::fail), true, at(3));
  CHECK(d.verdict() == Verdict::down);
  (void)d.on_round(c, round(Outcome::pass), true, at(4));
  CHECK(d.verdict() == Verdict::down);
  (void)d.on_round(c, round(Outcome::pass), true, at(5));
  CHECK(d.verdict() == Verdict::up);
}

TEST_CASE("a certain end weighs as all failures but the last, once, and only when a check confirms it") {
  config::Detect c;
  c.fall = 3;
  Detector d;
  (void)d.on_round(c, round(Outcome::pass), true, at(0));
  d.hinted(true);
  (void)d.on_round(c, round(Outcome::fail), true, at(1));
  CHECK(d.verdict() == Verdict::up);  // a supervisor may start it again
  (void)d.on_round(c, round(Outcome::fail), true, at(2));
  CHECK(d.verdict() == Verdict::down);
  Detector other;
  (void)other.on_round(c, round(Outcome::pass), true, at(0));
  other.hinted(true);
  (void)other.on_round(c, round(Outcome::pass), true, at(1));  // it was there after all
  (void)other.on_round(c, round(Outcome::fail), true, at(2));
  (void)other.on_round(c, round(Outcome::fail), true, at(3));
  CHECK(other.verdict() == Verdict::up);
}

TEST_CASE("a candidate whose pass is doubtful is degraded, and no failure though degraded is one") {
  config::Detect c;
  c.fall = 1;
  c.degraded_is_up = false;
  RoundResult doubtful = round(Outcome::pass);
  doubtful.failed_before = "connection refused";
  Detector d;
  (void)d.on_round(c, of_candidate(doubtful), true, at(0));
  CHECK(d.verdict() == Verdict::degraded);
}

TEST_CASE("a degraded answer is a failure where the file says so") {
  config::Detect c;
  c.fall = 2;
  c.degraded_is_up = GENERATE(true, false);
  Detector d;
  (void)d.on_round(c, round(Outcome::pass), true, at(0));
  (void)d.on_round(c, round(Outcome::degraded), true, at(1));
  (void)d.on_round(c, round(Outcome::degraded), true, at(2));
  CHECK(d.verdict() == (c.degraded_is_up ? Verdict::degraded : Verdict::down));
}

TEST_CASE("unknown never counts: not from the check, not when our own network is what fails (repmgr #821)") {
  config::Detect c;
  c.fall = 1;
  Detector d;
  (void)d.on_round(c, round(Outcome::pass), true, at(0));
  (void)d.on_round(c, round(Outcome::unknown), true, at(1));
  (void)d.on_round(c, round(Outcome::fail), false, at(2));
  CHECK(d.verdict() == Verdict::up);
  CHECK_THAT(d.cause(), ContainsSubstring("our own network"));
  (void)d.on_round(c, round(Outcome::fail, true), false, at(3));  // evidence that crossed no network counts
  CHECK(d.verdict() == Verdict::down);
}

TEST_CASE(
    "a witness that still sees the service keeps it, whatever the others say and for how long (repmgr #821, #439)") {
  config::Detect c;
  c.fall = 3;
  Detector d;
  (void)d.on_round(c, round(Outcome::pass), true, at(0));
  for (int second = 1; second < 100; ++second) {
    Round r(config::Combine::k_of_n, 1, 3);
    (void)r.next();
    (void)r.report(0, report(Outcome::fail));
    (void)r.report(1, report(Outcome::fail));
    const auto result = r.report(2, report(second % 2 == 0 ? Outcome::pass : Outcome::degraded));
    REQUIRE(result);
    (void)d.on_round(c, *result, true, at(second));
    CHECK(d.verdict() != Verdict::down);
  }
}

TEST_CASE("the start-up grace ends with the first pass") {
  config::Detect c;
  c.fall = 1;
  c.start_grace = Millis(60'000);
  Detector d;
  d.activated(c, at(0));
  (void)d.on_round(c, round(Outcome::fail), true, at(10));
  CHECK(d.verdict() == Verdict::unknown);
  (void)d.on_round(c, round(Outcome::pass), true, at(20));
  (void)d.on_round(c, round(Outcome::fail), true, at(30));
  CHECK(d.verdict() == Verdict::down);
}

TEST_CASE("checks that tell nothing for minutes are told, and so is the first that does") {
  config::Detect c;
  c.interval = Millis(5'000);
  Detector d;
  CHECK_FALSE(d.on_round(c, round(Outcome::pass), true, at(0)).blind_began);
  CHECK_FALSE(d.on_round(c, round(Outcome::unknown), true, at(119)).blind_began);
  CHECK(d.on_round(c, round(Outcome::unknown), true, at(120)).blind_began);
  CHECK_FALSE(d.on_round(c, round(Outcome::unknown), true, at(500)).blind_began);  // once
  CHECK(d.verdict() == Verdict::up);
  CHECK(d.on_round(c, round(Outcome::fail), true, at(501)).blind_ended);
  // A failure that our own network makes worthless tells nothing either.
  CHECK(d.on_round(c, round(Outcome::fail), false, at(700)).blind_began);
  d.activated(c, at(701));
  CHECK(d.on_round(c, round(Outcome::pass), true, at(702)).blind_ended);
  d.rests();
  CHECK_FALSE(d.on_round(c, round(Outcome::unknown), true, at(2000)).blind_began);
  c.interval = Millis(300'000);
  CHECK_FALSE(d.on_round(c, round(Outcome::unknown), true, at(2300)).blind_began);
  CHECK(d.on_round(c, round(Outcome::unknown), true, at(2900)).blind_began);
}

TEST_CASE("what was said in the future, by a clock that was set back since, is not waited for") {
  const WallTime later{Millis(90'000'000)}, now{Millis(3'600'000)};
  config::Config config;
  config::Route route;
  route.to = {NotifierId("all")};
  route.repeat = Millis(600'000);
  config.routes = {route};
  alerts::Board board;
  Alert alert;
  alert.kind = "service.down";
  alert.state = AlertState::firing;
  const auto key = board.take(alert, later).value();
  SECTION("its repetition comes in time") {
    CHECK(board.due(config, now, {}).empty());
    CHECK(board.due(config, now + Millis(600'000), {}).size() == 1);
  }
  SECTION("what nobody was told of is told now") {
    board.hold(key, later + Millis(300'000));
    const auto due = board.due(config, now, {});
    REQUIRE(due.size() == 1);
    CHECK(due.front().held);
  }
}

TEST_CASE("flapping asks for four times as many passes, and ends") {
  config::Detect c;
  c.fall = c.rise = 1;
  c.flap_max = 3;
  c.flap_window = Millis(100'000);
  Detector d;
  bool began = false;
  for (int i = 0; i < 10; ++i)
    began = d.on_round(c, round(i % 2 == 0 ? Outcome::pass : Outcome::fail), true, at(i)).flapping_began || began;
  CHECK(began);
  CHECK(d.flapping());
  (void)d.on_round(c, round(Outcome::fail), true, at(11));
  (void)d.on_round(c, round(Outcome::pass), true, at(12));
  CHECK(d.verdict() == Verdict::down);
  for (int i = 0; i < 4; ++i) (void)d.on_round(c, round(Outcome::pass), true, at(13 + i));
  CHECK(d.verdict() == Verdict::up);
  CHECK(d.on_round(c, round(Outcome::pass), true, at(500)).flapping_ended);
}

TEST_CASE("the schedule gives what is due, in any order of entry, and forgets what was moved") {
  Schedule s(3);
  s.at(0, at(5));
  s.at(1, at(3));
  s.at(2, at(4));
  s.at(1, at(9));
  CHECK(s.next() == at(4));
  CHECK(s.due(at(5)) == std::vector<std::size_t>{2, 0});
  s.remove(1);
  CHECK_FALSE(s.next().has_value());
  CHECK(on_tick(Time(Micros(1))) == Time(Micros(10'000)));
  CHECK(common_mode(true, 2, 2));
  CHECK_FALSE(common_mode(true, 0, 0));
}

TEST_CASE("dear silence prefers the fast standby, cheap silence the cheap one") {
  const std::vector<policy::Candidate> all{candidate("cheap", 0.01, 600), candidate("fast", 5, 5)};
  CHECK(policy::make_plan(situation(1000), all).ranked.front().target.value == "fast");
  CHECK(policy::make_plan(situation(0.1), all).ranked.front().target.value == "cheap");
  CHECK_FALSE(policy::make_plan(situation(1000), all).notes.empty());
}

TEST_CASE("each objective keeps its law, and what is excluded says why") {
  std::vector<policy::Candidate> all{candidate("a", 3, 10), candidate("b", 1, 50), candidate("c", 2, 5)};
  for (int i = 0; i < 3; ++i) all[static_cast<std::size_t>(i)].order = 2 - i;
  auto s = situation(10);
  const auto first = [&](config::Objective o) {
    s.objective = o;
    return policy::make_plan(s, all).ranked.front().target.value;
  };
  CHECK(first(config::Objective::cheapest) == "b");
  CHECK(first(config::Objective::fastest) == "c");
  CHECK(first(config::Objective::ordered) == "c");
  all[0].answers = false;
  all[1].breaker_open = true;
  all[2].region = "mars";
  s.regions = {"earth"};
  const auto plan = policy::make_plan(s, all);
  CHECK(plan.ranked.empty());
  REQUIRE(plan.excluded.size() == 3);
  CHECK(plan.excluded[0].reason == "control_plane");
  CHECK(plan.excluded[1].reason == "breaker");
  CHECK(plan.excluded[2].reason == "region");
  CHECK_THAT(plan.why_empty(), ContainsSubstring("mars"));
}

TEST_CASE("who shares the failure domain of what failed is no refuge") {
  auto s = situation(100);
  s.failed_domain = "rack-1";
  auto near = candidate("near", 0, 1), far = candidate("far", 1, 60);
  near.failure_domain = "rack-1";
  far.failure_domain = "rack-2";
  const auto plan = policy::make_plan(s, {near, far, candidate("unplaced", 2, 60)});
  REQUIRE(plan.ranked.size() == 2);
  CHECK(plan.ranked[0].target.value == "far");
  REQUIRE(plan.excluded.size() == 1);
  CHECK(plan.excluded[0].target.value == "near");
  CHECK(plan.excluded[0].reason == "failure_domain");
  s.failed_domain.clear();
  CHECK(policy::make_plan(s, {near, far}).ranked.size() == 2);
}

TEST_CASE("an activation may cost no more than its budget, and all of a month no more than the month's") {
  auto s = situation(1000);  // silence is dear: the quick one would come first
  s.expected_outage = Millis(2 * 3'600'000);
  auto quick = candidate("quick", 3, 1), slow = candidate("slow", 1, 600);
  quick.price.activation = Usd{0.5};  // 2 h at $3, and the fee: $6.50; the slow one costs $2
  s.budget.per_activation = Usd{6.49};
  auto plan = policy::make_plan(s, {quick, slow});
  REQUIRE(plan.excluded.size() == 1);
  CHECK(plan.excluded[0].target.value == "quick");
  CHECK(plan.excluded[0].reason == "budget");
  s.budget.per_activation = Usd{6.50};
  CHECK(policy::make_plan(s, {quick, slow}).ranked.front().target.value == "quick");
  s.budget.per_activation.reset();
  s.budget.per_month = Usd{100};
  s.spent_this_month = Usd{93.51};
  plan = policy::make_plan(s, {quick, slow});
  REQUIRE(plan.excluded.size() == 1);
  CHECK(plan.excluded[0].target.value == "quick");
  CHECK(plan.excluded[0].reason == "budget");
  s.spent_this_month = Usd{93.50};
  CHECK(policy::make_plan(s, {quick, slow}).ranked.front().target.value == "quick");
  s.spent_this_month = Usd{100};
  CHECK(policy::make_plan(s, {candidate("free", 0, 1)}).ranked.size() ==
        1);  // the month is spent, and it costs nothing
}

TEST_CASE("a plan does not depend on the order of its inputs, and its money is finite") {
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    std::vector<policy::Candidate> all;
    for (int n = 0; n < 6; ++n) {
      auto c = candidate(std::string(1, static_cast<char>('a' + n)), static_cast<double>(random() % 100) / 10,
                         static_cast<int>(random() % 300));
      c.order = n;
      for (auto h = random() % 5; h > 0; --h) c.history.push_back({random() % 3 != 0, Millis(random() % 100'000), {}});
      all.push_back(c);
    }
    const auto s = situation(static_cast<double>(random() % 1000));
    const auto plan = policy::make_plan(s, all);
    std::ranges::shuffle(all, random);
    const auto again = policy::make_plan(s, all);
    REQUIRE(plan.ranked.size() == again.ranked.size());
    for (std::size_t k = 0; k < plan.ranked.size(); ++k) {
      CHECK(plan.ranked[k].target == again.ranked[k].target);
      CHECK(std::isfinite(plan.ranked[k].total.value));
    }
  }
}

TEST_CASE("evidence outweighs what was declared, more with every activation") {
  std::vector<ActivationRecord> history(8, {true, Millis(1'000), {}});
  const auto r = policy::readiness_of({Millis(101'000), 0.5}, history);
  CHECK(r.mean == Millis(21'000));
  CHECK(r.success == Approx(0.9));
  CHECK(r.p50 == Millis(1'000));
}

TEST_CASE("an alert goes to the first route that matches, to more with continue, and to all when none does") {
  config::Config c;
  c.notifiers = {{NotifierId("log"), {}}, {NotifierId("phone"), {}}};
  config::Route critical, all;
  critical.at_least = Severity::critical;
  critical.to = {NotifierId("phone")};
  critical.go_on = true;
  critical.throttle = all.throttle = Millis(0);
  all.at_least = Severity::warning;
  all.to = {NotifierId("log")};
  c.routes = {critical, all};
  alerts::Router router;
  Alert a;
  a.kind = "x";
  a.severity = Severity::critical;
  CHECK(router.route(c, a, WallTime(Millis(1))).size() == 2);
  a.severity = Severity::warning;
  CHECK(router.route(c, a, WallTime(Millis(2))).front().notifier.value == "log");
  a.severity = Severity::info;
  CHECK(router.route(c, a, WallTime(Millis(3))).size() == 2);
}

TEST_CASE("the throttle holds back what repeats, counts it, and lets the resolve through") {
  config::Config c;
  c.notifiers = {{NotifierId("log"), {}}};
  config::Route r;
  r.to = {NotifierId("log")};
  r.throttle = Millis(300'000);
  c.routes = {r};
  alerts::Router router;
  Alert a;
  a.kind = "down";
  a.state = AlertState::firing;
  CHECK(router.route(c, a, WallTime(Millis(0))).size() == 1);
  CHECK(router.route(c, a, WallTime(Millis(1000))).empty());
  CHECK(router.route(c, a, WallTime(Millis(2000))).empty());
  a.state = AlertState::resolved;
  const auto resolved = router.route(c, a, WallTime(Millis(3000)));
  REQUIRE(resolved.size() == 1);
  CHECK(resolved[0].suppressed == 2);
  CHECK(router.route(c, a, WallTime(Millis(4000))).empty());
}

TEST_CASE("a route may name hours and days, and a resolve comes whatever the hour") {
  config::Config c;
  c.notifiers = {{NotifierId("pager"), {}}, {NotifierId("paper"), {}}};
  config::Route night, rest;
  night.to = {NotifierId("pager")};
  night.hours = {22 * 60, 6 * 60};
  night.days = {5, 6};
  rest.to = {NotifierId("paper")};
  c.routes = {night, rest};
  alerts::Router router;
  Alert a;
  a.state = AlertState::firing;
  const auto told = [&](int minute, int weekday) {
    a.kind = "k" + std::to_string(minute) + "/" + std::to_string(weekday);
    return router.route(c, a, WallTime(Millis(1)), {minute, weekday}).front().notifier.value;
  };
  CHECK(told(23 * 60, 5) == "pager");
  CHECK(told(5 * 60 + 59, 6) == "pager");
  CHECK(told(6 * 60, 6) == "paper");
  CHECK(told(23 * 60, 4) == "paper");
  a.kind = "k1380/5";
  a.state = AlertState::resolved;
  CHECK(router.route(c, a, WallTime(Millis(2)), {12 * 60, 0}).front().notifier.value == "pager");
}

TEST_CASE("what fires stays on the board until it resolves, and comes again until somebody knows") {
  config::Config c;
  config::Route r;
  r.to = {NotifierId("pager")};
  r.repeat = Millis(1000);
  r.escalate_after = Millis(2500);
  r.escalate_to = {NotifierId("boss")};
  c.routes = {r};
  alerts::Board board;
  Alert a;
  a.kind = "service.down";
  a.state = AlertState::firing;
  a.incident = "i1";
  CHECK(board.take(a, WallTime(Millis(0))).has_value());
  CHECK(board.next_due(c, {}) == WallTime(Millis(1000)));
  CHECK(board.due(c, WallTime(Millis(999)), {}).empty());
  CHECK(board.due(c, WallTime(Millis(1000)), {}).size() == 1);
  CHECK(board.due(c, WallTime(Millis(1001)), {}).empty());
  const auto both = board.due(c, WallTime(Millis(2500)), {});
  REQUIRE(both.size() == 2);
  CHECK(both[0].escalation);
  CHECK(both[0].to.front().value == "boss");
  CHECK(board.acknowledge("another", {}, "ann").empty());
  CHECK(board.acknowledge("i1", {}, "ann").size() == 1);
  CHECK_FALSE(board.next_due(c, {}).has_value());
  // It goes through the journal and back.
  const auto again = alerts::open_from_json(alerts::to_json(board.open().begin()->second));
  CHECK(again.acknowledged == "ann");
  CHECK(again.alert.key() == a.key());
  a.state = AlertState::resolved;
  CHECK(board.take(a, WallTime(Millis(3000))).has_value());
  CHECK(board.open().empty());
  CHECK_FALSE(board.take(a, WallTime(Millis(3001))).has_value());
}

TEST_CASE("a silence covers what it names until it ends") {
  alerts::Silence s{"s1", "trader", "", "failover.*", "ann", "", WallTime(Millis(100))};
  Alert a;
  a.kind = "failover.started";
  a.service = ServiceId("trader");
  CHECK(s.covers(a, WallTime(Millis(99))));
  CHECK_FALSE(s.covers(a, WallTime(Millis(100))));
  a.kind = "service.down";
  CHECK_FALSE(s.covers(a, WallTime(Millis(0))));
  a.kind = "failover.done";
  a.service = ServiceId("other");
  CHECK_FALSE(s.covers(a, WallTime(Millis(0))));
}

TEST_CASE("spans of the week: over midnight, over Sunday, touching ones as one") {
  const WallTime friday_8(Millis(1'800'000'000'000));  // 2027-01-15 08:00 UTC
  CHECK(minute_of_week(friday_8, Millis(0)) == 4 * 1440 + 480);
  CHECK(minute_of_week(friday_8, std::chrono::hours(-9)) == 3 * 1440 + 23 * 60);
  CHECK(minute_of_week(WallTime(Millis(-60'000)), Millis(0)) == 2 * 1440 + 1439);
  const auto weekend = config::week_spans_from("fri 16:00 - mon 08:00");
  REQUIRE(weekend.has_value());
  CHECK_FALSE(free_again_in(*weekend, 4 * 1440 + 959).has_value());
  CHECK(free_again_in(*weekend, 4 * 1440 + 960) == 64 * 60);
  CHECK(free_again_in(*weekend, 0) == 480);
  const auto nights = config::week_spans_from("22:00-06:00");
  REQUIRE(nights.has_value());
  CHECK(free_again_in(*nights, 6 * 1440 + 1439) == 361);
  CHECK(free_again_in(*nights, 359) == 1);
  CHECK_FALSE(free_again_in(*nights, 360).has_value());
  CHECK(free_again_in(*config::week_spans_from("sat-sun"), 5 * 1440) == 2880);
  CHECK(free_again_in({{0, 600}, {600, 700}}, 599) == 101);
  CHECK(free_again_in(*config::week_spans_from("mon-sun"), 5) == minutes_a_week);
  for (const char* bad : {"", "fri", "friday-mon", "fri 16:00", "25:00-26:00", "fri 16:00 - fri 16:00", "8-9"}) {
    INFO(bad);
    CHECK(config::week_spans_from(bad).has_value() == (std::string(bad) == "fri"));
  }
}

TEST_CASE("what fires again after its end was told is held by the throttle, not lost; its end goes the way it came") {
  config::Config c;
  c.notifiers = {{NotifierId("log"), {}}, {NotifierId("phone"), {}}};
  config::Route critical, rest;
  critical.exactly = Severity::critical;
  critical.to = {NotifierId("phone")};
  rest.to = {NotifierId("log")};
  critical.throttle = rest.throttle = Millis(300'000);
  c.routes = {critical, rest};
  alerts::Router router;
  Alert down;
  down.kind = "down";
  down.severity = Severity::critical;
  down.state = AlertState::firing;
  Alert up = down;
  up.state = AlertState::resolved;
  CHECK(router.route(c, down, WallTime(Millis(0))).front().notifier.value == "phone");
  CHECK_FALSE(router.held_until(c, down, WallTime(Millis(500))).has_value());  // they know
  CHECK(router.route(c, up, WallTime(Millis(1'000))).front().notifier.value == "phone");
  CHECK(router.held_until(c, down, WallTime(Millis(2'000))) == WallTime(Millis(300'000)));
  CHECK(router.route(c, down, WallTime(Millis(2'000))).empty());
  alerts::Board board;
  (void)board.take(down, WallTime(Millis(2'000)));
  board.hold(down.key(), WallTime(Millis(300'000)));
  CHECK(board.next_due(c, {}) == WallTime(Millis(300'000)));
  CHECK(board.due(c, WallTime(Millis(299'999)), {}).empty());
  const auto due = board.due(c, WallTime(Millis(300'000)), {});
  REQUIRE(due.size() == 1);
  CHECK(due.front().held);
  CHECK(router.route(c, down, WallTime(Millis(300'000))).size() == 1);
}

TEST_CASE("repeat and escalation belong to the routes that an alert reaches at this hour") {
  config::Config c;
  config::Route all, day, night;
  all.to = {NotifierId("log")};
  all.go_on = true;
  day.hours = std::pair{480, 1080};
  day.to = day.escalate_to = {NotifierId("office")};
  day.repeat = day.escalate_after = Millis(1'000);
  night.to = night.escalate_to = {NotifierId("phone")};
  night.repeat = night.escalate_after = Millis(1'000);
  c.routes = {all, day, night};
  Alert down;
  down.kind = "down";
  down.state = AlertState::firing;
  for (const auto& [minute, who] : {std::pair{600, "office"}, std::pair{1200, "phone"}}) {
    alerts::Board board;
    (void)board.take(down, WallTime(Millis(0)));
    const auto due = board.due(c, WallTime(Millis(1'000)), {minute, 0});
    REQUIRE(due.size() == 2);
    CHECK(due[0].to.front().value == who);
    CHECK(due[1].to.front().value == who);
  }
}
