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
      (*kept)(r.ok() ? answered(r.value.at("status").get<int>()) : unanswered(r.error));
    });
  }

 private:
  /// `unknown` never counts towards a failover: for what says nothing of the service.
  static CheckResult answered(int status) {
    CheckResult out;
    out.cause = "HTTP " + std::to_string(status);
    const bool not_let_in = status == 401 || status == 403 || status == 429;
    if (!not_let_in) out.outcome = status == 200 ? CheckResult::Outcome::pass : CheckResult::Outcome::fail;
    out.verdict = !not_let_in && status != 404;  // nothing to say: the next check of the chain is asked
    return out;
  }
  static CheckResult unanswered(const Error& error) {
    CheckResult out;
    out.cause = error.message;
    // No way out of here, or nothing was asked at all: unknown. Refused, timed out: it fails.
    const bool ours = error.kind == "unreachable" || error.status == Status::invalid || error.status == Status::cancelled;
    if (!ours) out.outcome = CheckResult::Outcome::fail;
    out.verdict = false;  // another check of the chain may know more
    return out;
  }

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
