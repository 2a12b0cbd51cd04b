// The simulator as a command: one seed with its story, or very many.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tests/sim/invariants.hpp"
#include "tests/sim/run.hpp"

namespace {

using namespace understudy::sim;
using std::chrono::steady_clock;

struct Wish {
  std::uint64_t seed = 1, runs = 1, crash_at = 0;
  double seconds = 0;  ///< 0: no end by time
  unsigned jobs = 1;
  std::string mutation = "none";
  std::set<std::string> without;
  bool list = false, verbose = false, keep_going = false, every_write = false, outage = false;
};

struct Tally {
  std::atomic<std::uint64_t> next{0}, done{0}, failed{0}, steps{0}, virtual_s{0};
  std::atomic<bool> stop{false};
  std::mutex telling;
};

void tell(Tally& tally, Options options, std::size_t lines) {
  options.tell = true;
  const auto again = run(options);
  const std::lock_guard lock(tally.telling);
  fmt::print("{}\n", report(options, again, lines));
  std::fflush(stdout);
}

void work(const Wish& wish, Mutation mutation, Tally& tally) {
  const auto until = steady_clock::now() + std::chrono::duration<double>(wish.seconds);
  while (!tally.stop) {
    const auto n = tally.next++;
    if (wish.seconds > 0 ? steady_clock::now() >= until : n >= wish.runs) return;
    Options options{wish.seed + n, mutation, false, wish.crash_at, wish.without, wish.outage};
    if (wish.every_write) options = {wish.seed, mutation, false, n + 1, wish.without};
    const auto result = run(options);
    ++tally.done;
    tally.steps += result.steps;
    tally.virtual_s += static_cast<std::uint64_t>(result.virtual_s);
    if (result.ok) continue;
    ++tally.failed;
    tell(tally, options, wish.keep_going ? 0 : 80);
    if (!wish.keep_going) tally.stop = true;
  }
}

int one(const Wish& wish, Mutation mutation) {
  const Options options{wish.seed, mutation, true, wish.crash_at, wish.without, wish.outage};
  const auto result = run(options);
  for (const auto& line : result.story) fmt::print("{}\n", line);
  fmt::print("\nseed {}: {}, {} steps, {} s of virtual time\n", wish.seed,
             result.ok ? "all invariants hold" : "breaks " + result.invariant + ": " + result.what, result.steps,
             result.virtual_s);
  return result.ok ? 0 : 1;
}

int many(Wish wish, Mutation mutation) {
  if (wish.every_write) wish.runs = run({wish.seed, mutation, false}).crash_points;
  Tally tally;
  const auto began = steady_clock::now();
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < wish.jobs; ++i) threads.emplace_back([&] { work(wish, mutation, tally); });
  work(wish, mutation, tally);
  for (auto& t : threads) t.join();
  const std::chrono::duration<double> took = steady_clock::now() - began;
  fmt::print("{} runs {} seed {}: {} failed; {} steps, {} days of virtual time, {:.1f} s\n", tally.done.load(),
             wish.every_write ? "with a crash at each write of" : "from", wish.seed, tally.failed.load(),
             tally.steps.load(), tally.virtual_s.load() / 86'400, took.count());
  return tally.failed > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Wish wish;
  CLI::App app("Breaks things in a simulated world, by seed, and checks what must always hold (docs/simulator.md).");
  app.add_option("--seed", wish.seed, "the first seed")->capture_default_str();
  app.add_option("--runs", wish.runs, "so many seeds")->capture_default_str();
  app.add_option("--seconds", wish.seconds, "as many seeds as can be done in this time");
  app.add_option("--jobs", wish.jobs, "threads")->capture_default_str()->check(CLI::Range(1, 256));
  auto* each = app.add_flag(
      "--every-write", wish.every_write,
      "the one seed, once for each point at which a write of the orchestrator can be cut short by its crash");
  app.add_option("--crash-at", wish.crash_at, "... this point only");
  app.add_flag("--outage", wish.outage,
               "one outage and no other fault, against the time that `understudy check` prints")
      ->excludes(each);
  app.add_option("--mutation", wish.mutation, "with a planted bug")->capture_default_str();
  app.add_option("--without", wish.without, "... and without looking at this invariant (I3); may be given again")
      ->allow_extra_args(false)
      ->check(CLI::IsMember(Invariants::names()));
  app.add_flag("--list-mutations", wish.list, "the planted bugs, and what must catch each");
  app.add_flag("--verbose", wish.verbose, "the whole story of one seed");
  app.add_flag("--keep-going", wish.keep_going, "do not end at the first seed that fails; one line for each");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (wish.list) {
    for (const auto& row : mutations()) fmt::print("{:<22} {:<12} {}\n", row.name, row.invariants, row.what);
    return 0;
  }
  const auto mutation = mutation_from(wish.mutation);
  if (!mutation) {
    fmt::print(stderr, "no mutation \"{}\"; --list-mutations shows them\n", wish.mutation);
    return 2;
  }
  for (const auto& row : mutations()) {
    if (!wish.every_write && row.mutation == *mutation && row.only_outages()) wish.outage = true;
  }
  return wish.verbose ? one(wish, *mutation) : many(wish, *mutation);
}
