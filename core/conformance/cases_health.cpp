// Rules of a HealthSource.
#include <algorithm>

#include "core/conformance/case.hpp"

namespace understudy::conformance {
namespace {

void check_result(const sdk::Json& r) {
  const auto outcome = r.value("outcome", "");
  static const std::vector<std::string> known{"pass", "degraded", "fail", "unknown"};
  expect(std::ranges::find(known, outcome) != known.end(),
         "the outcome \"" + outcome + "\" is none of pass, degraded, fail, unknown");
  expect(!r.value("cause", "").empty(), "the outcome " + outcome + " has no cause: say why, also when it passes");
  expect(r.value("latency_us", std::int64_t{0}) >= 0, "the latency is negative");
}

void outcome(Bench& bench) {
  Subject subject(bench);
  check_result(subject.get("health.check/1", {{"timeout_ms", 5'000}}));
}

void together(Bench& bench) {
  Subject subject(bench);
  int answered = 0;
  for (int i = 0; i < 20; ++i) {
    subject.instance().call("health.check/1", {{"timeout_ms", 5'000}}, Millis(10'000), [&](const sdk::Result& r) {
      ++answered;
      if (r.ok()) check_result(r.value);
    });
  }
  expect(subject.session().run([&] { return answered == 20; }, Millis(15'000)),
         "of 20 checks at once " + std::to_string(answered) + " were answered");
}

void keeps_its_timeout(Bench& bench) {
  Subject subject(bench);
  const auto began = std::chrono::steady_clock::now();
  (void)subject.call("health.check/1", {{"timeout_ms", 200}}, Millis(10'000));
  const auto took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - began);
  expect(took < Millis(5'000), "a check with a timeout of 200 ms took " + std::to_string(took.count()) + " ms");
}

}  // namespace

void add_health_cases(std::vector<Case>& out) {
  out.push_back({"health/outcome", "a check has an outcome and a cause", "health", false, outcome});
  out.push_back({"health/together", "checks at the same time are each answered", "health", false, together});
  out.push_back({"health/timeout", "a check keeps its timeout", "health", false, keeps_its_timeout});
}

}  // namespace understudy::conformance
