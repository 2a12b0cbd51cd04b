// The functions of the hot paths: deciding, stepping the machine, detecting, a call across the boundary, a commit.
#include <benchmark/benchmark.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "core/detect/detector.hpp"
#include "core/host/real_services.hpp"
#include "core/journal/journal.hpp"
#include "core/plugins/registry.hpp"
#include "core/policy/plan.hpp"

namespace {

using namespace understudy;
namespace fs = std::filesystem;

std::vector<policy::Candidate> candidates(int count) {
  std::vector<policy::Candidate> out;
  for (int i = 0; i < count; ++i) {
    policy::Candidate c;
    c.target = TargetId{"standby" + std::to_string(i)};
    c.price.active_per_hour = Usd{0.01 * (i % 97)};
    c.price.activation = Usd{0.001 * (i % 13)};
    c.declared.ready_in = Millis(1000 + 37 * (i % 211));
    c.region = i % 3 == 0 ? "eu" : "us";
    c.failure_domain = "zone" + std::to_string(i % 7);
    c.order = i;
    out.push_back(std::move(c));
  }
  return out;
}

void plan(benchmark::State& state) {
  const auto all = candidates(static_cast<int>(state.range(0)));
  policy::Situation situation;
  situation.downtime_cost_per_hour = Usd{40};
  situation.failed_domain = "zone3";
  for (auto _ : state) benchmark::DoNotOptimize(policy::make_plan(situation, all));
}
BENCHMARK(plan)->Arg(3)->Arg(30)->Arg(1000)->Unit(benchmark::kMicrosecond);

void detector_round(benchmark::State& state) {
  config::Detect detect;
  detect::Detector detector;
  detect::RoundResult pass;
  pass.outcome = Outcome::pass;
  Time now(Micros(1'000'000));
  for (auto _ : state) {
    now += Micros(15'000'000);
    benchmark::DoNotOptimize(detector.on_round(detect, pass, true, now));
  }
}
BENCHMARK(detector_round);

/// A kilobyte of JSON: in one long text, or in two dozen fields of all kinds.
nlohmann::json payload(bool in_one_text) {
  nlohmann::json out = {{"service", "bench"}, {"target", "a"}, {"epoch", 1}};
  if (in_one_text) {
    out["operation"] = std::string(1000, 'x');
    return out;
  }
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    out["name_" + n] = "projects/bench/locations/eu/services/" + n;
    out["number_" + n] = 1'000 * i;
  }
  out["flags"] = {true, false, nullptr};
  return out;
}

void plugin_call(benchmark::State& state, const char* isolation, bool in_one_text) {
  boost::asio::io_context loop;
  host::Logger log("error", "text");
  auto services = host::make_services(loop, log);
  plugins::Registry registry({fs::path(UNDERSTUDY_BINARY_DIR) / "bench_plugins"}, {},
                             fs::path(UNDERSTUDY_BINARY_DIR) / "bin/understudy");
  plugins::Registry::Wiring wiring{loop, *services, log};
  config::PluginUse use;
  use.plugin = "bench_site";
  use.settings = {{"trace", "/dev/null"}};
  use.isolation = isolation;
  auto made = registry.make(wiring, use, "target", "bench/a", "bench", "a");
  if (std::holds_alternative<plugins::LoadError>(made)) {
    state.SkipWithError(std::get<plugins::LoadError>(made).message.c_str());
    return;
  }
  auto& instance = *std::get<std::unique_ptr<plugins::Instance>>(made);
  const nlohmann::json params = payload(in_one_text);
  for (auto _ : state) {
    bool answered = false;
    instance.call("standby.observe/1", params, Millis(10'000), [&](const sdk::Result& r) { answered = r.ok(); });
    while (!answered) loop.run_one();
  }
}
BENCHMARK_CAPTURE(plugin_call, on_the_loop, "loop", true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(plugin_call, on_a_thread, "thread", true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(plugin_call, isolated, "process", true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(plugin_call, on_the_loop_many_fields, "loop", false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(plugin_call, isolated_many_fields, "process", false)->Unit(benchmark::kMicrosecond);

void journal_commit(benchmark::State& state) {
  const fs::path folder = fs::temp_directory_path() / ("understudy-bench-" + std::to_string(::getpid()));
  auto opened = journal::Journal::open(folder, {"bench", 0});
  if (std::holds_alternative<journal::Problem>(opened)) {
    state.SkipWithError("no journal");
    return;
  }
  auto& journal = *std::get<std::unique_ptr<journal::Journal>>(opened);
  nlohmann::json row = {{"phase", "active"}, {"active", "home"}, {"epoch", 7}, {"note", std::string(600, 'x')}};
  std::uint64_t index = 0;
  for (auto _ : state) {
    row["index"] = ++index;
    const journal::Batch batch{journal::StateRow{ServiceId{"bench"}, row}};
    if (journal.commit(batch)) state.SkipWithError("a commit failed");
  }
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}
BENCHMARK(journal_commit)->Unit(benchmark::kMicrosecond);

}  // namespace
