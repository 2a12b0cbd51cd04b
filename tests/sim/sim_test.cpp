// The simulator in CI: very many seeds hold, each planted bug is caught by the invariant that is meant, and the same
// seed gives the same run.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "tests/catch.hpp"
#include "tests/sim/invariants.hpp"
#include "tests/sim/run.hpp"

using namespace understudy::sim;

namespace {

/// Fewer under a sanitizer: UNDERSTUDY_SIM_RUNS is set for its presets (tests/CMakeLists.txt), the environment
/// overrules.
std::uint64_t runs_wanted() {
  const char* wish = std::getenv("UNDERSTUDY_SIM_RUNS");
  return wish != nullptr ? std::strtoull(wish, nullptr, 10) : UNDERSTUDY_SIM_RUNS;
}

std::vector<std::string> words_of(std::string_view list) {
  std::istringstream words{std::string(list)};
  return {std::istream_iterator<std::string>(words), {}};
}

/// A seed at which the planted bug breaks something that is looked at.
struct Caught {
  std::uint64_t seed = 0;
  std::string invariant;
};
Caught catch_it(Mutation mutation, std::uint64_t most, const std::set<std::string>& without, bool outage = false) {
  // The rarest shows once in 3,600 seeds; shortly after this one it does.
  constexpr std::uint64_t first = 11'000;
  for (auto seed = first; seed < first + most; ++seed) {
    const auto result = run({seed, mutation, false, 0, without, outage});
    if (!result.ok) return {seed, result.invariant};
  }
  return {};
}

/// What fails of so many seeds, on two threads; empty: nothing. Prints which they were, and how long they took.
std::string told_of(std::uint64_t first, std::uint64_t most) {
  const auto began = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next{0};
  std::mutex telling;
  std::string told;
  const auto work = [&] {
    for (auto n = next++; n < most; n = next++) {
      const Options options{first + n, Mutation::none, false};
      if (run(options).ok) continue;
      next = most;
      const auto again = run({options.seed, Mutation::none, true});
      const std::lock_guard lock(telling);
      told += report(options, again, 80);
    }
  };
  std::thread beside(work);
  work();
  beside.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%llu runs from seed %llu: %.1f s\n", static_cast<unsigned long long>(most),
              static_cast<unsigned long long>(first), took.count());
  return told;
}

/// The date, with room for its runs: 2026-12-01 begins at 202612010000.
std::uint64_t seed_of_the_day() {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  const auto year = static_cast<std::uint64_t>(static_cast<int>(day.year()));
  return ((year * 100 + static_cast<unsigned>(day.month())) * 100 + static_cast<unsigned>(day.day())) * 10'000;
}

}  // namespace

TEST_CASE("whatever goes wrong, all invariants hold, and with faults over one site serves") {
  const auto told = told_of(20'261'121, runs_wanted());
  INFO(told);
  REQUIRE(told.empty());
}

TEST_CASE("... and with other seeds each day") {
  const auto told = told_of(seed_of_the_day(), std::min<std::uint64_t>(runs_wanted(), 1'000));
  INFO(told);
  REQUIRE(told.empty());
}

/// Others may see it too, and first: they do not look.
TEST_CASE("each planted bug is caught, by the invariant that is meant") {
  const std::uint64_t most = std::min<std::uint64_t>(runs_wanted(), 10'000) * 4;
  for (const auto& row : mutations()) {
    if (runs_wanted() < 1'000 && row.mutation != Mutation::drop_fence && row.mutation != Mutation::halved_wait)
      continue;
    const auto may = words_of(row.invariants);
    const auto caught = catch_it(row.mutation, most, {may.begin() + 1, may.end()}, row.only_outages());
    INFO(row.name << " (" << row.what << "): seed " << caught.seed << " broke " << caught.invariant);
    CHECK(caught.invariant == may.front());
  }
}

TEST_CASE("each thing that can be broken is meant by a planted bug") {
  auto left = Invariants::names();
  for (const auto& row : mutations()) left.erase(words_of(row.invariants).front());
  CHECK(left == std::set<std::string>{});
}

/// I3 knows the formula; I1 does not, and looks at what runs.
TEST_CASE("half a wait for a lease's end is seen by two sites that run, without the formula too") {
  const std::uint64_t most = std::min<std::uint64_t>(runs_wanted(), 10'000);
  if (most < 1'000) return;
  const auto caught = catch_it(Mutation::halved_wait, most, {"I3"});
  INFO("seed " << caught.seed << " broke " << caught.invariant);
  CHECK(caught.invariant == "I1");
}

TEST_CASE("an outage, and nothing else, is over within the time that is printed as the worst case") {
  const auto seeds = std::min<std::uint64_t>(runs_wanted(), 2'000);
  std::uint64_t counted = 0;
  double longest = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Options options{seed, Mutation::none, false, 0, {}, true};
    const auto result = run(options);
    counted += result.counts ? 1 : 0;
    longest = std::max(longest, result.share);
    if (result.ok) continue;
    options.tell = true;
    FAIL(report(options, run(options), 80));
  }
  std::printf("%llu outages of %llu: at most %.0f %% of the printed worst case\n",
              static_cast<unsigned long long>(counted), static_cast<unsigned long long>(seeds), longest * 100);
  CHECK(counted * 10 > seeds * 8);
}

TEST_CASE("a crash at any write, before it, after it or among its effects, breaks nothing") {
  const std::uint64_t seeds = runs_wanted() < 1'000 ? 1 : 6, apart = runs_wanted() < 1'000 ? 25 : 1;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto points = run({seed, Mutation::none, false}).crash_points;
    REQUIRE(points > 20);
    for (std::uint64_t point = 1; point <= points; point += apart) {
      const Options options{seed, Mutation::none, false, point};
      if (run(options).ok) continue;
      FAIL(report(options, run({seed, Mutation::none, true, point}), 80));
    }
  }
}

TEST_CASE("an orchestrator whose next start is an hour away is started when the faults are over") {
  const auto result = run({900'005'614, Mutation::none, false});
  INFO(result.invariant);
  CHECK(result.ok);
}

TEST_CASE("a seed replays exactly, and its story says what happened") {
  const Options options{7, Mutation::drop_fence, true};
  const auto once = run(options), again = run(options);
  CHECK(once.story == again.story);
  CHECK(once.steps == again.steps);
  REQUIRE(once.story.size() > 20);
  CHECK(once.story.front().find("starts") != std::string::npos);
  CHECK(replay(options) == "build/bin/simulate --seed 7 --mutation drop_fence --verbose");
}
