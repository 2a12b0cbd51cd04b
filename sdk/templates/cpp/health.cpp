// @NAME@: a health source for Understudy. Handlers run on the loop and return at once; the answer comes from a callback.
#include <understudy/plugin.hpp>

using namespace understudy::sdk;

namespace {

class Check final : public HealthSource {
 public:
  Check(Host& host, const Envelope& e) : host_(host), url_(e.settings.at("url").get<std::string>()) {}

  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    auto kept = share(std::move(reply));
    host_.call("http.request/1", {{"url", url_}}, request.timeout, [kept](const Result& r) {
      CheckResult out;
      if (!r.ok()) {
        out.outcome = CheckResult::Outcome::fail;
        out.verdict = false;  // nothing answered: another check of the chain may know more
        out.cause = r.error.message;
      } else {
        const int status = r.value.at("status").get<int>();
        out.outcome = status == 200 ? CheckResult::Outcome::pass : CheckResult::Outcome::fail;
        out.cause = "HTTP " + std::to_string(status);
      }
      (*kept)(out);
    });
  }

 private:
  Host& host_;
  std::string url_;
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "@NAME@", "version": "0.1.0", "license": "", "summary": "what it checks",
  "interfaces": {"health": {
    "provides": ["health.check/1"],
    "settings": {"type": "object", "required": ["url"], "properties": {
      "url": {"type": "string", "format": "url", "description": "what to ask"}}}}},
  "needs": ["http.request/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<Check>(host, e); })
