// A health source that keeps every rule, or breaks the one that is its name.
#include <cstdlib>
#include <thread>

#include "wrong.hpp"

namespace {
using namespace understudy::sdk;

class Check final : public HealthSource {
 public:
  Check(Host& host, const Envelope& e) : host_(host) {
    if (e.interface != "health") throw Failure(Status::unsupported, "health only");
    const auto logins = e.settings.value("logins", Json::object());
    if (!logins.empty() && !logins.front().contains("user")) throw Failure(Status::invalid, "a login has a user");
    if (!logins.empty()) key_ = logins.front().at("password").value("$secret", "");
    if (e.settings.contains("token")) key_ = e.settings.at("token").value("$secret", "");
    if (wrong("io_in_create"))
      host_.call("http.request/1", {{"url", "http://127.0.0.1:1/"}}, Millis(100), [](const Result&) {});
  }
  ~Check() override {
    if (wrong("crashes_in_destroy")) std::abort();
    if (!wrong("calls_after_destroy")) return;
    // Past the SDK's own guard, as a plugin with threads of its own could.
    std::thread([port = raw_] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const std::string topic = "log", body = R"({"level": "info", "message": "still here"})";
      port.notify(port.ctx, {topic.data(), topic.size()}, {body.data(), body.size()});
    }).detach();
  }
  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    host_.port()->with([this](const us_port& port) { raw_ = port; });
    if (wrong("blocks")) std::this_thread::sleep_for(std::chrono::milliseconds(600));
    auto kept = share(std::move(reply));
    if (key_.empty()) return (*kept)(result("answered at once"));
    host_.call("secret.get/1", {{"key", key_}}, request.timeout, [this, kept](const Result& r) {
      const auto token = r.ok() ? r.value.value("value", "") : "";
      const bool leaks = wrong("leaks_secret") || wrong("leaks_nested_secret");
      if (leaks || token.empty()) host_.log(LogLevel::debug, "asking with the token " + token);
      (*kept)(result("asked with a token"));
    });
  }

 private:
  static CheckResult result(const std::string& cause) {
    CheckResult out;
    out.outcome = CheckResult::Outcome::pass;
    if (!wrong("no_cause")) out.cause = cause;
    return out;
  }
  Host& host_;
  std::string key_;
  us_port raw_{};
};

/// Says ok to whatever it is asked.
class Obliging final : public Provider {
 public:
  explicit Obliging(const Envelope& e) {
    if (e.interface != "health") throw Failure(Status::unsupported, "health only");
  }
  void handle(std::string_view, const Json&, Responder responder) override {
    responder.ok({{"outcome", "pass"}, {"cause", "of course"}});
  }
};

std::string setting() {
  if (wrong("hides_no_secret")) return R"("token": {"type": "string")";
  if (!wrong("leaks_nested_secret")) return R"("token": {"x-secret": true)";
  return R"("logins": {"type": "object", "additionalProperties": {"required": ["user", "password"], )"
         R"("properties": {"user": {"type": "string"}, "password": {"x-secret": true}}})";
}

std::unique_ptr<Provider> made(Host& host, Envelope e) {
  if (wrong("answers_unknown")) return std::make_unique<Obliging>(e);
  if (wrong("accepts_anything")) e.interface = "health";
  return std::make_unique<Check>(host, e);
}

}  // namespace

WRONG_PLUGIN(R"("interfaces": {"health": {"provides": ["health.check/1"], "settings": {"properties": {)" + setting() +
                 R"(, "description": "to ask with"}}}}}, "needs": ["secret.get/1"])",
             made)
