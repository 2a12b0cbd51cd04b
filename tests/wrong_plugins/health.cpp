// A health source that keeps every rule, or breaks the one that it was compiled to break.
#include <cstdlib>
#include <thread>

#include "understudy/plugin.hpp"

namespace {
using namespace understudy::sdk;

class Check final : public HealthSource {
 public:
  Check(Host& host, const Envelope& e) : host_(host) {
    if (e.interface != "health") throw Failure(Status::unsupported, "health only");
#if defined(LEAKS_NESTED_SECRET)
    const auto logins = e.settings.value("logins", Json::object());
    if (!logins.empty() && !logins.front().contains("user")) throw Failure(Status::invalid, "a login has a user");
    if (!logins.empty()) key_ = logins.front().at("password").value("$secret", "");
#else
    if (e.settings.contains("token")) key_ = e.settings.at("token").value("$secret", "");
#endif
#if defined(IO_IN_CREATE)
    host_.call("http.request/1", {{"url", "http://127.0.0.1:1/"}}, Millis(100), [](const Result&){});
#endif
  }
  ~Check() override {
#if defined(CRASHES_IN_DESTROY)
    std::abort();
#elif defined(CALLS_AFTER_DESTROY)
    // Past the SDK's own guard, as a plugin with threads of its own could.
    std::thread([port = raw_] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const std::string topic = "log", body = R"({"level": "info", "message": "still here"})";
      port.notify(port.ctx, {topic.data(), topic.size()}, {body.data(), body.size()});
    }).detach();
#endif
  }
  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
#if defined(CALLS_AFTER_DESTROY)
    host_.port()->with([this](const us_port& port) { raw_ = port; });
#endif
#if defined(BLOCKS)
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
#endif
    auto kept = share(std::move(reply));
    if (key_.empty()) return (*kept)(result("answered at once"));
    host_.call("secret.get/1", {{"key", key_}}, request.timeout, [this, kept](const Result& r) {
      const auto token = r.ok() ? r.value.value("value", "") : "";
#if defined(LEAKS_SECRET) || defined(LEAKS_NESTED_SECRET)
      host_.log(LogLevel::debug, "asking with the token " + token);
#else
      if (token.empty()) host_.log(LogLevel::debug, "there is no token");
#endif
      (*kept)(result("asked with a token"));
    });
  }

 private:
  static CheckResult result(const std::string& cause) {
    CheckResult out;
    out.outcome = CheckResult::Outcome::pass;
#if !defined(NO_CAUSE)
    out.cause = cause;
#else
    (void)cause;
#endif
    return out;
  }
  Host& host_;
  std::string key_;
  us_port raw_{};
};

#if defined(ANSWERS_UNKNOWN)
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
#endif

}  // namespace

#if defined(EXPORTS_TOO_MUCH)
extern "C" US_EXPORT int helper_of_mine() { return 7; }
extern "C" US_EXPORT int helper_of_mine();
#endif

#if defined(HIDES_NO_SECRET)
#define SETTING R"("token": {"type": "string")"
#elif defined(LEAKS_NESTED_SECRET)
#define SETTING                                                                                 \
  R"("logins": {"type": "object", "additionalProperties": {"required": ["user", "password"], )" \
  R"("properties": {"user": {"type": "string"}, "password": {"x-secret": true}}})"
#else
#define SETTING R"("token": {"x-secret": true)"
#endif

UNDERSTUDY_PLUGIN(R"({"name": ")" WRONG_NAME
                  R"(", "version": "1", "license": "Apache-2.0", "summary": "For the kit's own tests",
  "interfaces": {"health": {"provides": ["health.check/1"],
    "settings": {"properties": {)" SETTING R"(, "description": "to ask with"}}}}},
  "needs": ["secret.get/1"]})",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
#if defined(ANSWERS_UNKNOWN)
                    (void)host;
                    return std::make_unique<Obliging>(e);
#elif defined(ACCEPTS_ANYTHING)
                    Envelope any = e;
                    any.interface = "health";
                    return std::make_unique<Check>(host, any);
#else
                    return std::make_unique<Check>(host, e);
#endif
                  })
