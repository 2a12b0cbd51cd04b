// The HTTP API behind its parser. The input: method, path, query and body, a line each; the body is the rest.
#include "core/server/lease_routes.hpp"
#include "core/server/routes.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

namespace {

/// Answers whatever it is asked, at once, with what it was asked.
class Echo final : public runtime::Control {
 public:
  [[nodiscard]] sdk::Json status() const override { return {{"services", sdk::Json::array()}}; }
  [[nodiscard]] std::uint64_t revision() const override { return 1; }
  void on_change(std::uint64_t, Millis at_most, std::function<void()> fn) override {
    fuzz::must(at_most > Millis(0) && at_most <= Millis(60'000), "a poll is bounded");
    fn();
  }
  void plan(const ServiceId& service, Reply reply) override { say(service.value, reply); }
  void promote(const runtime::PromoteRequest& r, Reply reply) override { say(r.service.value + r.target.value, reply); }
  void failback(const runtime::PromoteRequest& r, Reply reply) override { say(r.service.value, reply); }
  void of_target(const runtime::TargetRequest& r, Reply reply) override {
    fuzz::must(r.lines >= 1 && r.lines <= 10'000, "the lines asked for are bounded");
    say(r.target.value, reply);
  }
  void renew_lease(const ServiceId& service, const lease::Renewal& r, Reply reply) override {
    fuzz::must(r.kill_time >= Millis(0) && r.kill_time <= Millis(600'000), "a kill time is bounded");
    constexpr auto named = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    fuzz::must(r.instance.size() <= 64 && r.instance.find_first_not_of(named) == std::string::npos,
               "an instance is named as an agent names itself");
    say(service.value + r.target.value, reply);
  }
  void wrong_lease_key(const ServiceId&) override {}
  [[nodiscard]] std::optional<std::string> lease_key(const ServiceId& service) const override {
    return service.value == "s" ? std::optional<std::string>("k") : std::nullopt;
  }
  void drill(const runtime::DrillRequest& r, Reply reply) override { say(r.service.value, reply); }
  void pause(const runtime::PauseRequest& r, Reply reply) override { say(r.by.who, reply); }
  void resume(const runtime::PauseRequest& r, Reply reply) override { say(r.by.reason, reply); }
  [[nodiscard]] sdk::Json alerts() const override { return sdk::Json::object(); }
  void acknowledge(const runtime::AcknowledgeRequest& r, Reply reply) override { say(r.incident, reply); }
  void silence(const runtime::SilenceRequest& r, Reply reply) override { say(r.kind, reply); }
  void end_silence(const std::string& id, const runtime::Requester&, Reply reply) override { say(id, reply); }
  void test_alert(const runtime::AlertTest& test, Reply reply) override { say(test.severity, reply); }
  void reload(const runtime::Requester& by, Reply reply) override { say(by.who, reply); }
  void snapshot_list(const ServiceId& service, Reply reply) override { say(service.value, reply); }
  void snapshot_push(const ServiceId& service, const runtime::Requester&, Reply reply) override {
    say(service.value, reply);
  }
  void snapshot_verify(const ServiceId&, const SnapshotId& id, Reply reply) override { say(id.value, reply); }
  void snapshot_restore(const ServiceId&, const SnapshotId&, const std::string& folder, const runtime::Requester&,
                        Reply reply) override {
    say(folder, reply);
  }
  void history(const runtime::HistoryQuery& query, Reply reply) override {
    fuzz::must(query.limit >= 1 && query.limit <= 10'000, "the history asked for is bounded");
    say(query.service.value, reply);
  }
  [[nodiscard]] sdk::Json plugins() const override { return sdk::Json::array(); }

 private:
  static void say(const std::string& text, const Reply& reply) {
    if (text.size() % 2 == 0) return reply({{{"said", text}}});
    reply({{}, {sdk::Status::invalid, text, text, text.size() % 3 == 0 ? "no_such_target" : "", {}}});
  }
};

}  // namespace

FUZZ(input) {
  const auto lines = fuzz::parts(input);
  web::Request request;
  request.method = lines[0];
  if (lines.size() > 1) request.path = "/" + lines[1];
  if (lines.size() > 2) request.query = lines[2];
  for (std::size_t i = 3; i < lines.size(); ++i) request.body += lines[i] + "\n";
  Echo control;
  int answers = 0;
  const auto look = [&](const server::Response& response) {
    ++answers;
    fuzz::must(response.status >= 200 && response.status < 600, "an answer has a status");
    (void)fuzz::dumped(response.body);
  };
  if (server::is_lease(request)) {
    request.headers.emplace_back("x-api-key", "k");
    server::handle_lease(control, request, look);
  } else {
    server::handle(control, request, look);
  }
  fuzz::must(answers == 1, "each request is answered once");
}
