// Rules of a StandbyTarget. These start and stop the workload of the settings.
#include <thread>

#include "core/conformance/case.hpp"

namespace understudy::conformance {
namespace {

using sdk::Json;

/// Stops what a case started, also when the case fails: the sweeper.
class Target {
 public:
  explicit Target(Bench& bench) : bench_(bench), subject_(bench), epoch_(bench.first_epoch) {}
  ~Target() {
    try {
      (void)subject_.call("standby.deactivate/1", stop_params(epoch_ + 100), Millis(60'000));
    } catch (...) {  // NOLINT(bugprone-empty-catch): the case's own verdict counts
    }
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  [[nodiscard]] sdk::Result activate(std::uint64_t epoch, Millis budget = Millis(60'000)) {
    epoch_ = std::max(epoch_, epoch);
    Json params = where();
    params["epoch"] = epoch;
    params["operation"] = bench_.run + "-activate-" + std::to_string(epoch);
    params["reason"] = "drill";
    params["snapshot"] = "";
    return subject_.call("standby.activate/1", params, budget);
  }
  [[nodiscard]] sdk::Result deactivate(std::uint64_t epoch) {
    return subject_.call("standby.deactivate/1", stop_params(epoch), Millis(60'000));
  }
  /// Asks again what the end of the process cut short, as a caller does: an isolated plugin that overran a budget is
  /// ended, and with it what it was asked meanwhile.
  [[nodiscard]] sdk::Result unless_cut_short(const std::function<sdk::Result()>& ask) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (true) {
      auto r = ask();
      if (r.error.kind != "crashed" || std::chrono::steady_clock::now() > end) return r;
      subject_.session().run([] { return false; }, Millis(100));
    }
  }
  [[nodiscard]] sdk::Result look() { return subject_.call("standby.observe/1", where()); }
  [[nodiscard]] Json observe() { return subject_.get("standby.observe/1", where()); }

  /// Observes until it is in `state`.
  Json settled(const std::string& state) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    Json seen;
    do {
      seen = observe();
      if (seen.value("state", "") == state) return seen;
      subject_.session().run([] { return false; }, Millis(100));
    } while (std::chrono::steady_clock::now() < end);
    throw Broken("for 60 s it was not seen " + state + " but " + seen.value("state", "?") + " (" +
                 seen.value("detail", "") + ")");
  }
  /// Like settled("active") with the epoch, when the provider can tell it.
  void runs(std::uint64_t epoch, const std::string& when) {
    const auto seen = settled("active");
    if (!seen.contains("epoch")) return;
    expect(seen.at("epoch") == epoch,
           when + " it runs with the epoch " + seen.at("epoch").dump() + ", not " + std::to_string(epoch));
  }
  void start(std::uint64_t epoch) { started(epoch, activate(epoch)); }
  void started(std::uint64_t epoch, const sdk::Result& r) {
    expect(r.ok(), "activate was answered " + std::string(sdk::name_of(r.error.status)) + ": " + r.error.message);
    runs(epoch, "after activate");
  }
  void stop() {
    const auto r = deactivate(epoch_);
    expect(r.ok(), "deactivate was answered " + std::string(sdk::name_of(r.error.status)) + ": " + r.error.message);
    (void)settled("stopped");
  }
  [[nodiscard]] Subject& subject() noexcept { return subject_; }

 private:
  [[nodiscard]] Json where() const { return {{"service", bench_.run}, {"target", "here"}}; }
  [[nodiscard]] Json stop_params(std::uint64_t epoch) const {
    Json params = where();
    params["epoch"] = epoch;
    params["operation"] = bench_.run + "-deactivate-" + std::to_string(epoch);
    params["grace_ms"] = 5'000;
    return params;
  }
  Bench& bench_;
  Subject subject_;
  std::uint64_t epoch_;
};

void expect_conflict(const sdk::Result& r, const std::string& what) {
  expect(!r.ok() && r.error.status == sdk::Status::conflict,
         what + " was answered " + std::string(sdk::name_of(r.error.status)) + ", not conflict");
}

void round_trip(Bench& bench) {
  Target target(bench);
  target.start(target.epoch());
  const auto stopped = target.deactivate(target.epoch());
  expect(stopped.ok(), "deactivate failed: " + stopped.error.message);
  const bool said = stopped.value.value("stopped", false);
  const auto seen = target.observe();
  expect(!said || seen.value("state", "") == "stopped",
         "deactivate said stopped, and observe says " + seen.value("state", "?"));
  (void)target.settled("stopped");
}

void twice(Bench& bench) {
  Target target(bench);
  target.start(target.epoch());
  const auto again = target.activate(target.epoch());
  expect(again.ok(), "the same activation again was answered " + std::string(sdk::name_of(again.error.status)) + ": " +
                         again.error.message);
  target.runs(target.epoch(), "after the second activate");
  target.stop();
  const auto stop_again = target.deactivate(target.epoch());
  expect(stop_again.ok() && stop_again.value.value("stopped", false), "deactivate of what is stopped must say stopped");
}

void old_epoch(Bench& bench) {
  Target target(bench);
  const auto now = target.epoch() + 10;
  target.start(now);
  expect_conflict(target.activate(now - 1), "activate with an older epoch");
  target.runs(now, "after a refused activate");
  expect_conflict(target.deactivate(now - 1), "deactivate with an older epoch than what runs");
  target.runs(now, "after a refused deactivate");
  target.stop();
}

void newer_epoch(Bench& bench) {
  Target target(bench);
  const auto first = target.epoch();
  target.start(first);
  const auto r = target.activate(first + 5);
  expect(r.ok() || r.error.status == sdk::Status::conflict,
         "activate with a newer epoch over what runs was answered " + std::string(sdk::name_of(r.error.status)));
  if (r.ok()) target.runs(first + 5, "after activate with a newer epoch");
  target.stop();
}

void restarted(Bench& bench) {
  Target target(bench);
  target.start(target.epoch());
  target.stop();
  target.start(target.epoch() + 1);
  target.stop();
}

/// What the core does after `unknown`: it looks.
void observe_after_unknown(Bench& bench) {
  Target target(bench);
  const auto now = target.epoch();
  const auto r = target.activate(now, Millis(1));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::string state;
  while (std::chrono::steady_clock::now() < end) {
    const auto seen = target.unless_cut_short([&] { return target.look(); });
    expect(seen.ok(),
           "standby.observe/1 answered " + std::string(sdk::name_of(seen.error.status)) + ": " + seen.error.message);
    state = seen.value.value("state", "");
    if (state == "active" || state == "stopped") break;
    target.subject().session().run([] { return false; }, Millis(100));
  }
  expect(state == "active" || state == "stopped", "30 s after an activation that ran out of time it is still " + state);
  expect(r.ok() || r.error.status == sdk::Status::unknown || state == "stopped",
         "activate promised with " + std::string(sdk::name_of(r.error.status)) + " that nothing happened, and it runs");
  // The same again brings it up or finds it up.
  target.started(now, target.unless_cut_short([&] { return target.activate(now); }));
  target.stop();
}

void outlives_the_plugin(Bench& bench) {
  const auto epoch = bench.first_epoch;
  {
    auto target = std::make_unique<Target>(bench);
    target->start(epoch);
    auto other = std::make_unique<Subject>(bench);
    const auto seen = other->get("standby.observe/1", {{"service", bench.run}, {"target", "here"}});
    expect(seen.value("state", "") == "active", "another instance of the plugin sees " + seen.value("state", "?") +
                                                    " where one runs: its knowledge must come "
                                                    "from the provider, not from its memory");
    target->stop();
  }
}

void quote(Bench& bench) {
  if (!bench.offers("standby.quote/1")) throw Skipped("it does not offer standby.quote/1");
  Subject subject(bench);
  const auto q = subject.get("standby.quote/1");
  for (const char* key : {"standby_usd_per_hour", "active_usd_per_hour", "activation_usd", "transfer_usd_per_gb"})
    expect(q.value(key, 0.0) >= 0, std::string(key) + " is negative");
  expect(!q.value("source", "").empty(), "the quote does not say where its figures come from");
}

void logs(Bench& bench) {
  if (!bench.offers("standby.logs/1")) throw Skipped("it does not offer standby.logs/1");
  Target target(bench);
  target.start(target.epoch());
  const auto lines = target.subject().get("standby.logs/1", {{"lines", 3}}).value("lines", Json::array());
  expect(lines.size() <= 3, "asked for 3 lines it gave " + std::to_string(lines.size()));
  target.stop();
}

}  // namespace

void add_target_cases(std::vector<Case>& out) {
  const auto add = [&](const char* name, const char* rule, void (*run)(Bench&)) {
    out.push_back({std::string("target/") + name, rule, "target", false, run});
  };
  add("round-trip", "what is activated is seen active, what is deactivated is seen stopped", round_trip);
  add("twice", "activate and deactivate repeat safely", twice);
  add("old-epoch", "an older epoch is refused with conflict and changes nothing", old_epoch);
  add("newer-epoch", "a newer epoch takes over, or is refused with conflict", newer_epoch);
  add("again", "what was stopped can be started again with a newer epoch", restarted);
  add("observe-after-unknown", "after a lost answer observe tells the truth, and a repeat succeeds",
      observe_after_unknown);
  add("no-memory", "a fresh instance sees what runs", outlives_the_plugin);
  add("quote", "prices are not negative and have a source", quote);
  add("logs", "logs are bounded", logs);
}

}  // namespace understudy::conformance
