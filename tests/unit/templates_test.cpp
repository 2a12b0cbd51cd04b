// What `plugin new` writes keeps the rules that it is there to teach.
#include <filesystem>
#include <fstream>

#include "tests/loader_fixture.hpp"

using namespace understudy;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

/// Host services that the test plays.
class Played final : public host::Services {
 public:
  std::function<sdk::Result(const Json&)> http;
  Millis longest{0};  ///< that a request was given

  Ticket start(host::ServiceCall call) override {
    longest = std::max(longest, call.budget);
    call.done(http(call.params));
    return 0;
  }
  void cancel(Ticket) override {}
  [[nodiscard]] std::vector<std::string> methods() const override { return {"http.request/1"}; }
};

struct Fresh : test::Fixture {
  Played played;
  plugins::Registry::Wiring on_played{loop, played, log};

  Fresh() : Fixture({fs::path(UNDERSTUDY_BINARY_DIR) / "test_templates"}) {}
  std::unique_ptr<plugins::Instance> fresh(const std::string& kind, Json settings) {
    config::PluginUse use;
    use.plugin = "new_" + kind;
    use.settings = std::move(settings);
    use.isolation = "loop";
    auto out = registry.make(on_played, use, kind, "svc/a", "svc", "a");
    if (const auto* error = std::get_if<plugins::LoadError>(&out)) FAIL(error->message);
    return std::move(std::get<std::unique_ptr<plugins::Instance>>(out));
  }
};

sdk::Result http_answer(int status, const std::string& body = "{}") { return {{{"status", status}, {"body", body}}}; }
sdk::Result http_failure(const std::string& kind) { return {{}, {sdk::Status::transient, "no luck", {}, kind, {}}}; }

}  // namespace

TEST_CASE("a new target: what may have started or stopped something is unknown, and nothing else is") {
  Fresh f;
  const auto site = f.fresh("target", {{"api", "http://provider"}});
  sdk::Result of_change = http_answer(200), of_look_after = http_answer(200, R"({"state": "running", "epoch": 2})");
  bool changed = false;
  f.played.http = [&](const Json& asked) {
    if (asked.at("method") == "GET") return changed ? of_look_after : http_answer(200, R"({"state": "stopped"})");
    changed = true;
    return of_change;
  };
  const auto asked = [&](const char* method) {
    changed = false;
    return f.call(*site, method, {{"epoch", 2}}, Millis(3'000)).error.status;
  };
  for (const char* method : {"standby.activate/1", "standby.deactivate/1"}) {
    INFO(method);
    of_change = http_answer(200);
    CHECK(asked(method) == sdk::Status::ok);
    const auto look = std::exchange(of_look_after, http_failure("timeout"));
    CHECK(asked(method) == sdk::Status::unknown);
    of_look_after = look;
    for (const char* kind : {"timeout", "closed", "protocol"}) {
      of_change = http_failure(kind);
      CHECK(asked(method) == sdk::Status::unknown);
    }
    for (const int status : {500, 503}) {
      of_change = http_answer(status);
      CHECK(asked(method) == sdk::Status::unknown);
    }
    of_change = http_failure("refused");
    CHECK(asked(method) == sdk::Status::transient);
    of_change = http_answer(422);
    CHECK(asked(method) == sdk::Status::invalid);
  }
  CHECK(f.played.longest <= Millis(3'000));
}

TEST_CASE("a new health source: what says nothing of the service is unknown") {
  Fresh f;
  const auto check = f.fresh("health", {{"url", "http://service"}});
  const auto outcome = [&](const sdk::Result& heard) {
    f.played.http = [&](const Json&) { return heard; };
    const auto r = f.call(*check, "health.check/1");
    REQUIRE(r.ok());
    return r.value.at("outcome").get<std::string>() + (r.value.at("verdict").get<bool>() ? "" : ", no verdict");
  };
  CHECK(outcome(http_answer(200)) == "pass");
  CHECK(outcome(http_answer(500)) == "fail");
  CHECK(outcome(http_answer(404)) == "fail, no verdict");
  for (const int status : {401, 403, 429}) CHECK(outcome(http_answer(status)) == "unknown, no verdict");
  CHECK(outcome(http_failure("unreachable")) == "unknown, no verdict");
  for (const char* kind : {"refused", "timeout", "no_host"}) CHECK(outcome(http_failure(kind)) == "fail, no verdict");
}

TEST_CASE("a new state store knows epochs and times, refuses an older epoch, and leaves no parts") {
  Fresh f;
  std::string name = (fs::temp_directory_path() / "understudy-template-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const fs::path folder = name;
  const auto store = f.fresh("state", {{"dir", (folder / "store").string()}});
  fs::create_directories(folder / "state");
  std::ofstream(folder / "state/file") << "some state";
  fs::create_symlink("nowhere", folder / "state/dangling");
  const auto push = [&](const char* id, int epoch) {
    const Json paths = {{{"name", "state"}, {"path", (folder / "state").string()}}};
    return f.call(*store, "store.push/1", {{"service", "s"}, {"id", id}, {"epoch", epoch}, {"paths", paths}});
  };
  const auto now = std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
  REQUIRE(push("b", 7).ok());
  REQUIRE(push("a", 8).ok());
  CHECK(push("c", 7).error.status == sdk::Status::conflict);
  const auto listed = f.call(*store, "store.list/1", {{"service", "s"}}).value.at("snapshots");
  REQUIRE(listed.size() == 2);
  CHECK((listed[0].at("id") == "a" && listed[0].at("epoch") == 8 && listed[1].at("epoch") == 7));
  CHECK(listed[0].at("created_ms").get<std::int64_t>() >= now);
  CHECK(listed[0].at("files") == 1);

  const auto staging = folder / "staging";
  fs::create_directories(staging);
  std::ofstream(staging / "state") << "a file where a folder goes";
  const Json pull = {{"service", "s"}, {"id", "a"}, {"staging", staging.string()}};
  CHECK_FALSE(f.call(*store, "store.pull/1", pull).ok());
  CHECK(fs::is_empty(staging));
  CHECK(f.call(*store, "store.pull/1", pull).ok());
  CHECK(fs::exists(staging / "state/file"));
  fs::remove_all(folder);
}
