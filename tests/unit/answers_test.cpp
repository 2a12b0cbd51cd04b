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
  for (const Json& epoch : {Json(-1), Json(UINT64_MAX), Json(1e300)}) {
    CAPTURE(epoch.dump());
    const auto seen = answers::observed({{"state", "active"}, {"epoch", epoch}});
    CHECK_FALSE(seen.epoch);
    CHECK(seen.detail == "the epoch that it tells is an impossible number");
  }
  CHECK_THROWS_AS(answers::observed({{"epoch", "7"}}), Json::exception);
  CHECK(answers::observed({{"epoch", 7.0}}).epoch == Epoch{7});  // as some languages write whole numbers
  const auto none = answers::observed({{"state", "active"}, {"epoch", nullptr}, {"unsaved", nullptr}});
  CHECK_FALSE(none.epoch);
  CHECK_FALSE(none.unsaved);
  CHECK(none.detail.empty());
}

TEST_CASE("what a target is, is its health when it has no checks, whatever else it says") {
  CHECK(answers::observed_as_check({{"state", "active"}}).outcome == Outcome::pass);
  const auto stopped = answers::observed_as_check({{"state", "stopped"}, {"detail", "exit 1"}, {"epoch", "none"}});
  CHECK(stopped.outcome == Outcome::fail);
  CHECK(stopped.local);
  CHECK(stopped.cause == "stopped: exit 1");
  CHECK(answers::observed_as_check({{"state", "stopped"}, {"detail", nullptr}}).outcome == Outcome::fail);
  CHECK(answers::observed_as_check({{"state", "starting"}}).outcome == Outcome::unknown);
}

TEST_CASE("of a quote the prices that can be count: no target pays us") {
  const Json good = {{"standby_usd_per_hour", 0.1}, {"active_usd_per_hour", 0.5}, {"activation_usd", 1},
                     {"transfer_usd_per_gb", 2},    {"min_billing_s", 60.9},      {"source", "list"}};
  const auto whole = answers::quote(good);
  CHECK(whole.wrong.empty());
  CHECK(whole.price.active_per_hour == Usd{0.5});
  CHECK(whole.price.min_billing == std::chrono::seconds(60));
  for (const char* key : {"standby_usd_per_hour", "active_usd_per_hour", "activation_usd", "transfer_usd_per_gb"}) {
    auto bad = good;
    bad[key] = -0.01;
    const auto quote = answers::quote(bad);
    CHECK(quote.wrong == std::vector<std::string>{key});
    CHECK(quote.price.active_per_hour.value >= 0);
    CHECK(quote.price.standby_per_hour.value + quote.price.active_per_hour.value > 0);
  }
  for (const Json& billing : {Json(-1), Json(INT64_MAX), Json(1e19)}) {
    auto bad = good;
    bad["min_billing_s"] = billing;
    CHECK(answers::quote(bad).price.min_billing == std::chrono::seconds(0));
    CHECK(answers::quote(bad).price.active_per_hour == Usd{0.5});
  }
}

TEST_CASE("a snapshot whose name or epoch cannot be is for people to see, not to be used") {
  const Json good = {{"id", "20261120T101500.123Z-e7"}, {"epoch", 7}, {"created_ms", 1'700'000'000'000}, {"bytes", 9}};
  CHECK(answers::snapshot(good).valid);
  CHECK(answers::snapshot(good).bytes == 9);
  const auto with = [&](const char* key, const Json& value) {
    auto out = good;
    out[key] = value;
    return answers::snapshot(out);
  };
  for (const Json& time : {Json(INT64_MIN), Json(INT64_MAX), Json(1.7e15)}) {  // the last: in microseconds
    CHECK(with("created_ms", time).created == WallTime{});
    CHECK(with("created_ms", time).valid);
  }
  CHECK(with("epoch", -1).problem == "its epoch is an impossible number");
  for (const char* id : {"", "..", "../../etc", "a/b", ".hidden", "a\nb"}) {
    CAPTURE(id);
    CHECK(with("id", id).problem == "its name is not that of a snapshot");
    CHECK_FALSE(with("id", id).valid);
  }
  CHECK(with("bytes", -5).bytes == 0);
  CHECK(answers::snapshots({{"snapshots", {good, good}}}).size() == 2);
  CHECK(answers::snapshots(Json::object()).empty());
  CHECK_FALSE(answers::fence({{"epoch", -1}}));
  CHECK_FALSE(answers::fence({{"epoch", 4.7}}));
  CHECK_THROWS_AS(answers::fence(Json::object()), Json::exception);
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
