// How long a failover can take at worst, from the file alone. What hides in defaults is what surprises people
// (one well-known tool took 40 s that nobody had asked for), so `understudy check` prints it. Pure.
#pragma once

#include <optional>

#include "core/config/config.hpp"

namespace understudy::policy {

/// From the moment at which `from` dies, one part after the other. Bringing the state has no limit of its own: it takes
/// what the store takes, in a failover beside the fencing, and is not in here.
struct WorstCase {
  Millis notice{0};             ///< until it is known to be down: every check times out
  std::optional<Millis> fence;  ///< until it has certainly ended although nobody can reach it; none: a person must say
  Millis stop{0};               ///< the same when its provider answers: one attempt to stop it
  Millis save{0};               ///< what it left is saved, if that can be read
  Millis start{0};              ///< the slowest standby is started and verified
  Millis declared{0};           ///< the same by what the file declares of the quickest standby

  [[nodiscard]] Millis fenced() const { return fence ? *fence : stop; }
  [[nodiscard]] Millis total() const { return notice + fenced() + save + start; }
  [[nodiscard]] Millis expected() const { return notice + fenced() + declared; }
};

/// Of an unplanned move away from `from`, to the first standby that is tried. The lease counts as seen. `reference`:
/// how long each failing round may wait for the checks of our own network; 0 without any. `stops`: its plugin can stop
/// it; what it cannot stop costs no time, and `on_unfenceable` says whether the move goes on.
[[nodiscard]] WorstCase worst_case(const config::Service& service, const config::Target& from,
                                   Millis reference = Millis(0), bool stops = true);

}  // namespace understudy::policy
