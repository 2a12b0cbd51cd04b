#include "tests/sim/run.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>

#include "tests/sim/outage.hpp"
#include "tests/sim/troubles.hpp"

namespace understudy::sim {
namespace {

using failover::Command;
using failover::Phase;

constexpr Micros tick{5'000'000}, look_every{15'000'000}, settled_for{60'000'000};
/// For the moves themselves, when nothing is left to be waited for.
constexpr Millis moves_take{1'800'000};

/// With faults over, everything is at rest within this time: the longest waits are a limit's window, which nobody ends,
/// and then a breaker. On the slowest clock.
Micros rest_within(const Setup& setup) {
  Millis longest{0};
  for (const auto& s : setup.config.services)
    longest = std::max(longest, s.limits.window + s.limits.breaker_open + s.limits.fence_timeout);
  return on_slowest(longest + moves_take, setup.clock_error);
}

/// What waits for a person by design. All else must end by itself, or a machine that only ever asks would be well.
bool is_for_a_person(const std::optional<failover::Blocked>& blocked) {
  static constexpr std::array<std::string_view, 9> words{"two_active",    "unseen",  "no_snapshot",
                                                         "state_too_old", "state",   "target_gone",
                                                         "paused",        "observe", "unfenceable"};
  return blocked && std::ranges::find(words, blocked->by) != words.end();
}

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options),
        world_(Dice(options.seed), options.mutation, options.tell, options.without),
        troubles_(world_),
        outage_(world_) {
    world_.orchestrator.crash_at = options.crash_at;
  }

  /// What the machine throws is broken too, and is told with its seed.
  Result operator()() {
    try {
      play();
    } catch (const std::exception& error) {
      world_.invariants.add({"machine", error.what()});
    }
    return result();
  }

 private:
  void play() {
    begin();
    if (options_.outage) return outage_.play();
    troubles_.begin();
    if (world_.pass(world_.setup.trouble)) {
      world_.story.add("", "---- the faults are over ----");
      troubles_.end();
      come_to_rest();
    }
    if (!world_.invariants.violation()) world_.invariants.end(world_);
  }

  void begin() {
    for (int s = 0; s < world_.services(); ++s) {
      auto& home = world_.site(s, 0);
      if (!home.guarded() && world_.sites_dice.chance(0.8)) home.runs_already();
      const auto& of = world_.service(s);
      for (std::size_t t = 0; of.state && t < of.targets.size(); ++t) {
        if (of.targets[t].paths.empty()) push_again_and_again(world_.site(s, t));
      }
    }
    look_again_and_again();
    world_.orchestrator.start();
  }

  void look_again_and_again() {
    world_.line.after(tick, [this] {
      world_.invariants.tick(world_);
      look_again_and_again();
    });
  }

  /// A workload that keeps its state itself pushes it.
  void push_again_and_again(Site& site) {
    world_.line.after(world_.service(site.service).state->every, [this, &site] {
      world_.site_pushes(site);
      push_again_and_again(site);
    });
  }

  void come_to_rest() {
    const Time end = world_.line.now() + rest_within(world_.setup);
    Micros rested{0};
    while (world_.line.now() < end && rested < settled_for) {
      if (!world_.pass(look_every)) return;
      if (!world_.acts()) {
        rested = world_.orchestrator.up() && world_.journal.outbox.empty() ? rested + look_every : Micros(0);
        continue;
      }
      people_help();
      rested = at_rest() ? rested + look_every : Micros(0);
    }
    if (rested < settled_for) world_.invariants.add({"liveness", unrest()});
  }

  /// People end pauses, and what only they may end, and take the responsibility when they are asked to.
  void people_help() {
    if (!world_.orchestrator.up()) return;
    for (int s = 0; s < world_.services(); ++s) {
      const auto& state = world_.orchestrator.state(s);
      if (!state.pause && !is_for_a_person(state.blocked)) continue;
      Command c;
      c.who = "ben";
      c.what = Command::What::resume;
      const auto by = state.blocked ? state.blocked->by : "";
      const bool looks_again = by == "two_active" && world_.fault_dice.chance(0.3);
      if (!looks_again && !state.pause &&
          (by == "two_active" || by == "no_snapshot" || by == "state_too_old" || by == "state")) {
        c.what = Command::What::promote;
        c.force = by == "two_active";
        c.accept_loss = !c.force;
        c.target = state.move ? state.move->to : world_.service(s).primary;
      }
      world_.orchestrator.command(s, std::move(c));
    }
  }

  [[nodiscard]] bool at_rest() const { return unrest().empty(); }

  [[nodiscard]] std::string unrest() const {
    if (!world_.orchestrator.up()) return "the orchestrator is not up";
    for (int s = 0; s < world_.services(); ++s) {
      const auto& state = world_.orchestrator.state(s);
      const auto& name = world_.service(s).id.value;
      if (state.phase != Phase::active)
        return name + " is still in " + std::string(failover::to_string(state.phase)) +
               (state.blocked ? ", blocked by " + state.blocked->by : "");
      int running = 0;
      for (std::size_t t = 0; t < world_.service(s).targets.size(); ++t) {
        const auto& site = world_.site(s, t);
        running += site.runs() ? 1 : 0;
        if (site.target().id == state.active && !site.serves())
          return name + ": " + state.active.value + " is taken as active, and does not serve";
      }
      if (running != 1) return name + ": " + std::to_string(running) + " sites run";
    }
    // Who is stopped is seen to be within observe_every, which may be longer than it takes to settle.
    if (world_.acts() && !world_.journal.open.empty()) return world_.journal.open.begin()->first + " is still open";
    return world_.journal.outbox.empty() ? "" : "alerts wait";
  }

  Result result() {
    Result out;
    if (const auto& broken = world_.invariants.violation()) {
      out.ok = false;
      out.invariant = broken->invariant;
      out.what = broken->what;
    }
    out.story = std::move(world_.story.lines);
    out.steps = world_.orchestrator.steps;
    out.crash_points = world_.orchestrator.crash_points;
    out.counts = outage_.counts();
    out.share = outage_.share();
    out.virtual_s = world_.line.now().time_since_epoch().count() / 1'000'000;
    return out;
  }

  const Options options_;
  World world_;
  Troubles troubles_;
  Outage outage_;
};

std::string name_of(Mutation mutation) {
  for (const auto& row : mutations()) {
    if (row.mutation == mutation) return std::string(row.name);
  }
  return "none";
}

}  // namespace

Result run(const Options& options) { return Run(options)(); }

std::string replay(const Options& options) {
  std::string out = "build/bin/simulate --seed " + std::to_string(options.seed);
  if (options.mutation != Mutation::none) out += " --mutation " + name_of(options.mutation);
  for (const auto& one : options.without) out += " --without " + one;
  if (options.outage) out += " --outage";
  if (options.crash_at > 0) out += " --crash-at " + std::to_string(options.crash_at);
  return out + " --verbose";
}

std::string report(const Options& options, const Result& failed, std::size_t last_lines) {
  std::string out = "seed " + std::to_string(options.seed) + " breaks " + failed.invariant + ": " + failed.what + "\n";
  const auto from = failed.story.size() > last_lines ? failed.story.size() - last_lines : 0;
  if (from > 0) out += "  ... " + std::to_string(from) + " lines before\n";
  for (std::size_t i = from; i < failed.story.size(); ++i) out += "  " + failed.story[i] + "\n";
  return out + "replay: " + replay(options) + "\n";
}

}  // namespace understudy::sim
