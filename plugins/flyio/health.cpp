#include "health.hpp"

#include "api.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

class Health final : public HealthSource {
 public:
  Health(Host& host, const Envelope& e) : settings_(Settings::from_json(e.settings)), api_(host, settings_) {}

  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    const Deadline deadline(std::min(request.timeout, reply.budget()));
    worker_.answer(std::move(reply), [this, deadline] { return look(deadline); });
  }

 private:
  CheckResult look(const Deadline& deadline) {
    const auto began = std::chrono::steady_clock::now();
    CheckResult out;
    try {
      out = health_of(api_.machines(deadline), settings_);
    } catch (const Failure& failure) {
      // Machines live on while their control plane does not answer, or does not let us in.
      if (failure.error().status == Status::cancelled) throw;
      out.outcome = CheckResult::Outcome::unknown;
      out.verdict = false;
      out.cause = failure.error().message;
    }
    out.latency_us =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began).count();
    return out;
  }

  const Settings settings_;
  Api api_;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

std::unique_ptr<Provider> make_health(Host& host, const Envelope& envelope) {
  return std::make_unique<Health>(host, envelope);
}

}  // namespace flyio_plugin
