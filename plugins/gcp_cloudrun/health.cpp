#include "health.hpp"

#include <algorithm>
#include <optional>

#include "settings.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;
using Outcome = CheckResult::Outcome;

/// What a part of the check found; `verdict` false: nothing.
struct Finding {
  Outcome outcome = Outcome::unknown;
  bool verdict = false;
  std::string cause;
};

class Health final : public HealthSource {
 public:
  Health(Host& host, const Envelope& e)
      : tokens_(host, credential_settings(e.settings)),
        client_(host, tokens_),
        run_(client_, service_address(e.settings)),
        supervisor_(host, tokens_, supervisor_options(e.settings)),
        path_(e.settings.value("health_path", "/health")),
        url_(e.settings.value("url", "")) {
    while (!url_.empty() && url_.back() == '/') url_.pop_back();
  }

  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    const Deadline deadline(std::min(request.timeout, reply.budget()));
    worker_.answer(std::move(reply), [this, deadline] { return look(deadline); });
  }

 private:
  /// The service's own answer is the verdict; Ready speaks when there is none.
  CheckResult look(const Deadline& deadline) {
    const auto begin = std::chrono::steady_clock::now();
    Finding found;
    if (!path_.empty() && !url_.empty()) found = asked(url_, deadline.at_most(deadline.left() / 2));
    if (!found.verdict) found = with_condition(found, deadline);
    CheckResult out;
    out.outcome = found.outcome;
    out.verdict = found.verdict;
    out.cause = found.cause;
    out.latency_us =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
    return out;
  }

  Finding asked(const std::string& base, const Deadline& deadline) {
    try {
      const auto answer = supervisor_.get(base, path_, deadline);
      const std::string said = path_ + " answers HTTP " + std::to_string(answer.status);
      if (answer.good()) return judged(answer, said);
      if (answer.status == 401 || answer.status == 403 || answer.status == 429) return {Outcome::unknown, false, said};
      if (answer.status >= 500) return {Outcome::fail, true, said};
      return {Outcome::fail, false, said};
    } catch (const Failure& failure) {
      return {Outcome::unknown, false, path_ + " does not answer: " + failure.error().message};
    }
  }

  static Finding judged(const Answer& answer, const std::string& said) {
    const std::string status = text_of(answer.json, "status");
    if (status.empty() || status == "healthy" || status == "ok" || status == "pass") return {Outcome::pass, true, said};
    if (status == "degraded" || status == "starting") return {Outcome::degraded, true, said + ", status " + status};
    return {Outcome::fail, true, said + ", status " + status};
  }

  Finding with_condition(Finding probed, const Deadline& deadline) {
    try {
      const auto view = run_.look(deadline);
      if (!path_.empty() && url_.empty() && !view.uri.empty()) {
        url_ = view.uri;
        probed = asked(url_, deadline.at_most(deadline.left() * 2 / 3));
        if (probed.verdict) return probed;
      }
      return condition(view, probed);
    } catch (const Failure& failure) {
      // The control plane in trouble says nothing of what it runs.
      return {Outcome::unknown, false, (probed.cause.empty() ? "" : probed.cause + "; ") + failure.error().message};
    }
  }

  static Finding condition(const ServiceView& view, const Finding& probed) {
    const std::string cause = (probed.cause.empty() ? "" : probed.cause + "; ") + view.summary();
    if (view.failed()) return {Outcome::fail, true, cause};
    if (view.kept_instances() == 0 && view.manual) return {Outcome::fail, true, cause};
    if (!view.ready()) return {Outcome::degraded, true, cause};
    // Ready says that it could start, not that it does its work: enough only where nothing can be asked.
    if (!probed.cause.empty()) return {probed.outcome, false, cause};
    return {Outcome::pass, true, cause};
  }

  Tokens tokens_;
  Client client_;
  CloudRun run_;
  Supervisor supervisor_;
  const std::string path_;
  std::string url_;  ///< used by the worker only
  Worker worker_;    // last: its thread ends before what it uses
};

}  // namespace

std::unique_ptr<Provider> make_health(Host& host, const Envelope& envelope) {
  return std::make_unique<Health>(host, envelope);
}

}  // namespace gcp
