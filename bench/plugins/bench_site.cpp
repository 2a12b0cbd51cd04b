// A site that is nothing but its bookkeeping: it runs where it was activated last, fails when it is told to (or by
// itself after some passes), and appends one line a call to `trace`: monotonic microseconds, what, which target.
#include <chrono>
#include <fstream>
#include <map>
#include <mutex>

#include "understudy/plugin.hpp"

namespace {

using namespace understudy::sdk;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// What all instances of this process share: where the service "runs".
struct World {
  std::mutex mutex;
  std::string active;
  std::uint64_t epoch = 0;
  int passes = 0;
  std::ofstream trace;

  void write(std::int64_t at_us, const char* what, const std::string& target, const std::string& file) {
    if (!trace.is_open()) trace.open(file, std::ios::app);
    trace << at_us << ' ' << what << ' ' << target << std::endl;
  }
};
World& world() {
  static World out;
  return out;
}

class Site final : public StandbyTarget {
 public:
  explicit Site(const Envelope& e) : target_(e.target), trace_(e.settings.at("trace")) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    const std::lock_guard lock(world().mutex);
    reply(seen());
  }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const auto at = now_us();
    const std::lock_guard lock(world().mutex);
    world().active = target_;
    world().epoch = request.epoch;
    world().passes = 0;
    world().write(at, "activate", target_, trace_);
    reply(seen());
  }
  void deactivate(const DeactivateRequest&, Reply<StopReport> reply) override {
    const std::lock_guard lock(world().mutex);
    if (world().active == target_) world().active.clear();
    reply({true, "stopped"});
  }
  void quote(Reply<Quote> reply) override { reply({}); }

 private:
  [[nodiscard]] Observation seen() const {
    Observation out;
    const bool here = world().active == target_;
    out.state = here ? Observation::State::active : Observation::State::stopped;
    if (here) out.epoch = world().epoch;
    return out;
  }
  std::string target_, trace_;
};

class Check final : public HealthSource {
 public:
  explicit Check(const Envelope& e)
      : target_(e.target), trace_(e.settings.at("trace")), fail_after_(e.settings.value("fail_after", 0)) {}

  void check(const CheckRequest&, Reply<CheckResult> reply) override {
    const std::lock_guard lock(world().mutex);
    CheckResult out;
    out.local = true;
    const bool tired = fail_after_ > 0 && ++world().passes > fail_after_;
    out.outcome = world().active == target_ && !tired ? CheckResult::Outcome::pass : CheckResult::Outcome::fail;
    if (out.outcome == CheckResult::Outcome::fail) {
      out.cause = "told to";
      world().write(now_us(), "fail", target_, trace_);
    }
    reply(out);
  }

 private:
  std::string target_, trace_;
  int fail_after_;
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "bench_site", "version": "0.1.0", "license": "Apache-2.0", "summary": "for benchmarks",
  "interfaces": {
    "target": {"provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1"],
               "settings": {"type": "object", "required": ["trace"], "properties": {"trace": {"type": "string", "format": "path"}}}},
    "health": {"provides": ["health.check/1"],
               "settings": {"type": "object", "required": ["trace"], "properties": {"trace": {"type": "string", "format": "path"}, "fail_after": {"type": "integer"}}}}
  },
  "needs": []
})json",
                  [](Host&, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface == "target") return std::make_unique<Site>(e);
                    return std::make_unique<Check>(e);
                  })
