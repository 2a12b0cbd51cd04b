// One run of the simulator: a seed in, a verdict out. The same options give the same run.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/mutations.hpp"

namespace understudy::sim {

struct Options {
  std::uint64_t seed = 1;
  Mutation mutation = Mutation::none;
  bool tell = false;           ///< record the story
  std::uint64_t crash_at = 0;  ///< the orchestrator dies at this point of its writing (1 ..); 0: at none but the seed's
  std::set<std::string> without{};  ///< invariants that are not looked at: what another one sees by itself
  bool outage = false;              ///< one outage and no other fault, against the printed worst case
};

struct Result {
  bool ok = true;
  std::string invariant;           ///< that was broken, by its name
  std::string what;                ///< how
  std::vector<std::string> story;  ///< when told: a line for each thing that happened
  std::uint64_t steps = 0;         ///< of the state machines
  std::int64_t virtual_s = 0;
  std::uint64_t crash_points = 0;  ///< at which it could have died
  bool counts = false;             ///< an outage: nobody but the machine was to act
  double share = 0;                ///< ... how much of the printed time it took
};

[[nodiscard]] Result run(const Options& options);

/// The command that replays it, with its story.
[[nodiscard]] std::string replay(const Options& options);
/// For people: what was broken, the end of the story, the command.
[[nodiscard]] std::string report(const Options& options, const Result& failed, std::size_t last_lines);

}  // namespace understudy::sim
