// The API's paths: what is refused before the orchestrator hears of it, and what a store's answers become.
#include "core/server/routes.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using runtime::Control;

namespace {

/// Answers as it is told to, and remembers what it was asked.
struct Fake final : Control {
  std::vector<std::string> asked;
  sdk::Result verified, listed;

  void heard(const std::string& what, const Reply& reply, sdk::Result answer = {}) {
    asked.push_back(what);
    reply(std::move(answer));
  }
  sdk::Json status() const override { return sdk::Json::object(); }
  std::uint64_t revision() const override { return 1; }
  void on_change(std::uint64_t, Millis, std::function<void()> fn) override { fn(); }
  void plan(const ServiceId&, Reply reply) override { heard("plan", reply); }
  void promote(const runtime::PromoteRequest& r, Reply reply) override { heard("promote " + r.target.value, reply); }
  void failback(const runtime::PromoteRequest&, Reply reply) override { heard("failback", reply); }
  void of_target(const runtime::TargetRequest&, Reply reply) override { heard("target", reply); }
  void renew_lease(const ServiceId&, const lease::Renewal&, Reply reply) override { heard("lease", reply); }
  std::optional<std::string> lease_key(const ServiceId&) const override { return std::nullopt; }
  void wrong_lease_key(const ServiceId&) override {}
  void drill(const runtime::DrillRequest&, Reply reply) override { heard("drill", reply); }
  void pause(const runtime::PauseRequest&, Reply reply) override { heard("pause", reply); }
  void resume(const runtime::PauseRequest&, Reply reply) override { heard("resume", reply); }
  sdk::Json alerts() const override { return sdk::Json::object(); }
  void acknowledge(const runtime::AcknowledgeRequest&, Reply reply) override { heard("ack", reply); }
  void silence(const runtime::SilenceRequest&, Reply reply) override { heard("silence", reply); }
  void end_silence(const std::string&, const runtime::Requester&, Reply reply) override { heard("unsilence", reply); }
  void test_alert(const runtime::AlertTest&, Reply reply) override { heard("test", reply); }
  void reload(const runtime::Requester&, Reply reply) override { heard("reload", reply); }
  void snapshot_list(const ServiceId&, Reply reply) override { heard("list", reply, listed); }
  void snapshot_push(const ServiceId&, const runtime::Requester&, Reply reply) override { heard("push", reply); }
  void snapshot_verify(const ServiceId&, const SnapshotId&, Reply reply) override { heard("verify", reply, verified); }
  void snapshot_restore(const ServiceId&, const SnapshotId&, const std::string&, const runtime::Requester&,
                        Reply reply) override {
    heard("restore", reply);
  }
  void history(const runtime::HistoryQuery&, Reply reply) override { heard("history", reply); }
  sdk::Json plugins() const override { return sdk::Json::object(); }

  server::Response post(const std::string& path, const std::string& body) {
    std::vector<server::Response> answers;
    server::handle(*this, {"POST", path, "", {}, body},
                   [&](const server::Response& response) { answers.push_back(response); });
    REQUIRE(answers.size() == 1);
    return answers.front();
  }
};

std::string code_of(const server::Response& response) { return response.body.at("error").at("code"); }

sdk::Result invalid(const std::string& message) { return {{}, {sdk::Status::invalid, message, {}, {}, {}}}; }

}  // namespace

TEST_CASE("a forced promotion names its target, or the plan that does") {
  Fake control;
  const auto refused = control.post("/v1/services/s/promote", R"({"force": true})");
  CHECK(refused.status == 400);
  CHECK(code_of(refused) == "no_target");
  CHECK(control.asked.empty());
  CHECK(control.post("/v1/services/s/promote", R"({"force": true, "target": "spare"})").status == 200);
  CHECK(control.post("/v1/services/s/promote", R"({"force": true, "expect_index": 3})").status == 200);
  CHECK(control.post("/v1/services/s/promote", "{}").status == 200);
  CHECK(control.asked == std::vector<std::string>{"promote spare", "promote ", "promote "});
}

TEST_CASE("a snapshot that is there and is damaged is another answer than one that is not there") {
  Fake control;
  control.verified = invalid("state/count.json is not what was saved");
  control.listed = {{{"snapshots", {{{"id", "one"}}, {{"id", "two"}}}}}};
  const auto damaged = control.post("/v1/services/s/snapshots/two/verify", "{}");
  CHECK(damaged.status == 422);
  CHECK(code_of(damaged) == "damaged");
  CHECK(damaged.body.at("error").at("message") == "snapshot two is damaged: state/count.json is not what was saved");
  CHECK(control.post("/v1/services/s/snapshots/three/verify", "{}").status == 400);
  control.listed = invalid("it cannot be listed");
  CHECK(control.post("/v1/services/s/snapshots/two/verify", "{}").status == 400);
  control.verified.error.status = sdk::Status::transient;
  CHECK(control.post("/v1/services/s/snapshots/two/verify", "{}").status == 503);
  control.verified = {};
  control.asked.clear();
  CHECK(control.post("/v1/services/s/snapshots/two/verify", "{}").status == 200);
  CHECK(control.asked == std::vector<std::string>{"verify"});
}
