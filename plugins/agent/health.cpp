#include "agent.hpp"
#include "target.hpp"
#include "understudy/json.hpp"

namespace agent_plugin {
namespace {

using namespace understudy::sdk;
using Outcome = CheckResult::Outcome;

bool is_loopback(const std::string& ip) { return ip.rfind("127.", 0) == 0 || ip == "::1"; }

CheckResult result(Outcome outcome, std::string cause, bool verdict = true) {
  CheckResult out;
  out.outcome = outcome;
  out.cause = std::move(cause);
  out.verdict = verdict;
  return out;
}

class Health final : public HealthSource {
 public:
  Health(Host& host, const Envelope& e) : host_(host), place_(place_of(e)) {}

  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    const Millis timeout = request.timeout;
    host_.call("http.request/1", health_request(place_), timeout,
               [this, timeout, kept = share(std::move(reply))](const Result& r) {
                 (*kept)(r.ok() ? judge(r.value) : unanswered(r.error, timeout));
               });
  }

 private:
  /// Nobody there is a failure without a verdict; a way that is not there says nothing at all.
  [[nodiscard]] CheckResult unanswered(const Error& e, Millis timeout) const {
    CheckResult out = result(Outcome::fail, "the agent does not answer: " + e.message, false);
    if (e.kind == "timeout") out.cause = "the agent does not answer in " + std::to_string(timeout.count()) + " ms";
    if (e.kind == "unreachable") out = result(Outcome::unknown, "there is no way to the agent: " + e.message, false);
    if (e.kind == "tls") out = result(Outcome::fail, "TLS: " + e.message);
    if (e.status == Status::invalid || e.status == Status::cancelled) out = result(Outcome::unknown, e.message, false);
    for (const char* here : {"//127.", "//localhost", "//[::1]"})
      out.local = out.local || place_.url.find(here) != std::string::npos;
    return out;
  }

  [[nodiscard]] CheckResult judge(const Json& r) const {
    const int status = r.at("status").get<int>();
    const auto report = read_report(parse_json(r.value("body", "")));
    CheckResult out = report ? judge(*report) : no_agent(status);
    out.latency_us = r.value("time_us", std::int64_t{0});
    out.local = is_loopback(r.value("remote_ip", ""));
    return out;
  }

  static CheckResult no_agent(int status) {
    const std::string text = "HTTP " + std::to_string(status);
    if (status == 401 || status == 403 || status == 429)
      return result(Outcome::unknown, text + ": the check is not let in", false);
    if (status >= 500) return result(Outcome::fail, text);
    return result(Outcome::fail, text + ": no agent answers there", false);
  }

  [[nodiscard]] CheckResult judge(const Report& report) const {
    if (const auto why = stranger(place_, report.service); !why.empty()) return result(Outcome::unknown, why, false);
    if (report.status == "healthy")
      return result(Outcome::pass, "healthy" + (report.epoch ? ", epoch " + std::to_string(*report.epoch) : ""));
    if (report.status == "standby")
      return result(Outcome::fail, "it stands by: nothing runs there" + (report.failed ? "; " + report.told() : ""));
    // Starting is not serving: whoever waits for it asks again.
    return result(Outcome::fail, report.status + (report.detail.empty() ? "" : ": " + report.detail));
  }

  Host& host_;
  const Place place_;
};

}  // namespace

std::unique_ptr<Provider> make_health(Host& host, const Envelope& envelope) {
  return std::make_unique<Health>(host, envelope);
}

}  // namespace agent_plugin
