// Bytes from outside that once did harm (the fuzzers of tests/fuzz found most of them), or would.
#include "core/alerts/routing.hpp"
#include "core/plugins/host_calls.hpp"
#include "core/plugins/manifest.hpp"
#include "tests/loader_fixture.hpp"

using namespace understudy;

TEST_CASE("JSON that is nested too deep for a stack is refused, and brackets in texts do not count") {
  const std::string deep(500'000, '[');
  CHECK(sdk::parse_json(deep + std::string(500'000, ']')).is_discarded());
  CHECK(sdk::parse_json(R"({"a": ")" + deep + R"(\"[["})").is_object());
  CHECK(sdk::parse_json(std::string(100, '[') + std::string(100, ']')).is_array());
  CHECK(sdk::parse_json("nonsense").is_discarded());
}

TEST_CASE("an error of the wrong types is an error all the same") {
  const auto error = sdk::Error::from_json(
      sdk::Status::denied,
      {{"message", 5}, {"hint", {1}}, {"kind", nullptr}, {"retry_after_ms", 18446744073709551615U}});
  CHECK(error.message == "denied");
  CHECK(error.retry_after == Millis(86'400'000));
}

TEST_CASE("a library that prints nonsense when it is loaded is told, and nothing else happens") {
  for (const auto* printed : {R"({"message": 5})", R"({"message": [], "hint": 1})", "[[[", "", R"({"manifest": 5})"}) {
    const auto got = plugins::read_description("/x.so", printed, "it ended with exit code 0");
    REQUIRE(std::holds_alternative<plugins::LoadError>(got));
    CHECK_FALSE(std::get<plugins::LoadError>(got).message.empty());
  }
}

TEST_CASE("a plugin that sends its host the wrong types gets an error, and the process goes on") {
  test::Fixture fixture({});
  std::vector<std::int32_t> answers;
  plugins::HostCalls calls(
      fixture.wiring, {"p", "s/t", {}, {}},
      [&](us_op, std::int32_t status, const std::string&) { answers.push_back(status); },
      [](const char*, const std::string&) {});
  calls.on_notify([](std::string_view, const sdk::Json& params) { (void)params.value("reason", ""); });
  calls.serve(1, "timer.after/1", R"({"ms": "soon"})", Millis(1'000));
  calls.serve(2, "secret.get/1", R"({"key": 5})", Millis::max());
  calls.notified("log", R"({"level": 5, "message": []})");
  calls.notified("health.hint", R"({"reason": 5})");
  CHECK(answers == std::vector<std::int32_t>{US_INVALID, US_INVALID});
}

TEST_CASE("who was told of something by an evening's route is told of its end by day") {
  config::Config config;
  config.notifiers = {{NotifierId("day"), {}}, {NotifierId("night"), {}}};
  config::Route day, rest;
  day.hours = {{480, 1080}};
  day.to = {NotifierId("day")};
  rest.to = {NotifierId("night")};
  config.routes = {day, rest};
  Alert alert;
  alert.state = AlertState::firing;
  alerts::Router router;
  CHECK(router.route(config, alert, WallTime(), {1200, 0}).at(0).notifier.value == "night");
  alert.state = AlertState::resolved;
  const auto ended = router.route(config, alert, WallTime(), {600, 0});
  CHECK(std::ranges::find(ended, NotifierId("night"), &alerts::Delivery::notifier) != ended.end());
}

TEST_CASE("who was told since no route was meant is told of the end, too, each time") {
  config::Config config;
  config.notifiers = {{NotifierId("ann"), {}}};
  config::Route day;
  day.hours = {{480, 1080}};
  day.to = {NotifierId("ann")};
  day.throttle = Millis(0);
  config.routes = {day};
  Alert alert;
  alerts::Router router;
  for (const int minute : {600, 1200, 600, 1200}) {
    alert.state = AlertState::firing;
    CHECK(router.route(config, alert, WallTime(), {minute, 0}).size() == 1);
    alert.state = AlertState::resolved;
    CHECK(router.route(config, alert, WallTime(), {minute, 0}).size() == 1);
  }
}
