// What plugins answer, read by the core: strange words and impossible numbers.
#include "core/answers/health.hpp"
#include "core/answers/notifier.hpp"
#include "core/answers/store.hpp"
#include "core/answers/target.hpp"
#include "core/host/reply_lines.hpp"
#include "tests/catch.hpp"

#include <nlohmann/json.hpp>

using namespace understudy;
using sdk::Json;

TEST_CASE("what is no outcome counts as unknown, and never as a failure") {
  CHECK(answers::check({{"outcome", "fail"}, {"cause", "503"}}).outcome == Outcome::fail);
  CHECK(answers::check({{"outcome", "failed"}}).outcome == Outcome::unknown);
  CHECK(answers::check(Json::object()).outcome == Outcome::unknown);
  CHECK(answers::check(Json::object()).verdict);
  CHECK_THROWS_AS(answers::check({{"outcome", 3}}), Json::exception);
  CHECK_THROWS_AS(answers::check(Json::array()), Json::exception);
}

TEST_CASE("an epoch that cannot be is left out of what a target says, and told") {
  const auto good = answers::observed({{"state", "active"}, {"epoch", 7}, {"unsaved", true}});
  CHECK(good.epoch == Epoch{7});
  CHECK(good.unsaved == true);
  for (const Json& epoch : {Json(-1), Json(UINT64_MAX), Json(7.5), Json(1e300)}) {
    CAPTURE(epoch.dump());
    const auto seen = answers::observed({{"state", "active"}, {"epoch", epoch}});
    CHECK_FALSE(seen.epoch);
    CHECK(seen.detail == "; the epoch that it tells is an impossible number");
  }
  CHECK_THROWS_AS(answers::observed({{"epoch", "7"}}), Json::exception);
  CHECK(answers::observed({{"epoch", 7.0}}).epoch == Epoch{7});  // as some languages write whole numbers
}

TEST_CASE("what a target is, is its health when it has no checks") {
  CHECK(answers::as_check(answers::observed({{"state", "active"}})).outcome == Outcome::pass);
  const auto stopped = answers::as_check(answers::observed({{"state", "stopped"}, {"detail", "exit 1"}}));
  CHECK(stopped.outcome == Outcome::fail);
  CHECK(stopped.local);
  CHECK(stopped.cause == "stopped: exit 1");
  CHECK(answers::as_check(answers::observed({{"state", "starting"}})).outcome == Outcome::unknown);
}

TEST_CASE("a quote with a price that cannot be is none: it would make its target the cheapest") {
  const Json good = {{"active_usd_per_hour", 0.5}, {"min_billing_s", 60}, {"source", "list"}};
  REQUIRE(answers::quote(good));
  CHECK(answers::quote(good)->active_per_hour == Usd{0.5});
  CHECK(answers::quote(good)->min_billing == std::chrono::seconds(60));
  for (const char* key : {"standby_usd_per_hour", "active_usd_per_hour", "activation_usd", "transfer_usd_per_gb"}) {
    auto bad = good;
    bad[key] = -0.01;
    CHECK_FALSE(answers::quote(bad));
  }
  for (const Json& billing : {Json(-1), Json(INT64_MAX), Json(1e19)}) {
    auto bad = good;
    bad["min_billing_s"] = billing;
    CHECK_FALSE(answers::quote(bad));
  }
}

TEST_CASE("a snapshot whose name, epoch or time cannot be is for people to see, not to be used") {
  const Json good = {{"id", "20261120T101500.123Z-e7"}, {"epoch", 7}, {"created_ms", 1'700'000'000'000}, {"bytes", 9}};
  CHECK(answers::snapshot(good).valid);
  CHECK(answers::snapshot(good).bytes == 9);
  const auto with = [&](const char* key, const Json& value) {
    auto out = good;
    out[key] = value;
    return answers::snapshot(out);
  };
  CHECK(with("created_ms", INT64_MIN).problem == "its time is an impossible number");
  CHECK(with("created_ms", INT64_MAX).created == WallTime{});
  CHECK(with("epoch", -1).problem == "its epoch is an impossible number");
  for (const char* id : {"", "..", "../../etc", "a/b", ".hidden", "a b", "a\nb"}) {
    CAPTURE(id);
    CHECK(with("id", id).problem == "its name is not that of a snapshot");
    CHECK_FALSE(with("id", id).valid);
  }
  CHECK(with("bytes", -5).bytes == 0);
  CHECK(answers::snapshots({{"snapshots", {good, good}}}).size() == 2);
  CHECK(answers::snapshots(Json::object()).empty());
  CHECK_FALSE(answers::fence({{"epoch", -1}}));
}

TEST_CASE("a thread that is no object is none") {
  CHECK(answers::delivered({{"receipt", "r"}, {"thread", {{"id", 1}}}}).thread == Json{{"id", 1}});
  CHECK(answers::delivered({{"thread", 3}}).thread.empty());
  CHECK_THROWS_AS(answers::delivered({{"receipt", 3}}), Json::exception);
}

TEST_CASE("of a reply's header lines those of the last reply count") {
  const auto headers = host::headers_in(
      "HTTP/1.1 302 Found\r\nLocation: /b\r\nRetry-After: 9\r\n\r\n"
      "HTTP/1.1 200 OK: fine\r\nX-One:  a: b \t\r\nx-one: c\r\nEmpty:\r\nno colon\r\n\r\n");
  CHECK(headers == Json{{"x-one", "c"}, {"empty", ""}});
}

TEST_CASE("bytes that come in pieces are cut into lines") {
  host::LineCutter cutter(4);
  std::vector<std::string> lines;
  const auto keep = [&](std::string line) { lines.push_back(std::move(line)); };
  for (const char* piece : {"a", "b\n\nlong", "er\nx"}) cutter.take(piece, keep);
  CHECK(lines == std::vector<std::string>{"ab", "", "long"});
  CHECK(cutter.rest() == "x");
}
