// What a rehearsal found of one service, as values. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/model/cost.hpp"
#include "core/model/ids.hpp"

namespace understudy::rehearse {

/// Why nobody could use the service.
enum class Cause {
  outage,   ///< the place where it ran failed
  planned,  ///< a planned move, the way home among them, stopped it
  needless  ///< it was stopped by a failover although it was well
};
inline constexpr int cause_count = 3;
[[nodiscard]] std::string_view to_string(Cause cause) noexcept;

/// A time in which nobody could use the service.
struct Silence {
  Time from{}, to{};
  Cause cause = Cause::outage;
  bool moved = false;  ///< it ended at another target than it began at
};

struct Spread {
  int n = 0;
  Millis p50{0}, p95{0}, p99{0}, max{0};
};
/// By nearest rank.
[[nodiscard]] Spread spread_of(std::vector<Millis> samples);

struct TargetMoney {
  TargetId target;
  Usd standby, active, activation, transfer;
  Millis ran{0};
  int activations = 0, failed = 0;
  [[nodiscard]] Usd total() const noexcept { return standby + active + activation + transfer; }
};

/// A reason why nothing moved.
struct Hold {
  std::string by;  ///< failover::Blocked::by
  int times = 0;
  int ended_by_person = 0;
  Millis total{0}, longest{0};
};

struct Report {
  Micros length{0};
  Millis down[cause_count] = {};
  int silences = 0;
  Millis longest_silence{0};
  int failovers = 0, failbacks = 0, switchovers = 0, rollbacks = 0;  ///< done
  int failovers_begun = 0;
  int cancelled = 0;        ///< begun, and not needed any more before anything was stopped
  int false_failovers = 0;  ///< of those begun: while the active target was well
  Spread rto;               ///< of outages: from the failure until it served again elsewhere
  Spread rpo;               ///< how much work, in time, was not in the state that the next target started from
  Millis two_ran{0};        ///< more than one target ran it: only after a person's --force
  std::int64_t lost_probes = 0;
  std::vector<TargetMoney> money;  ///< as Service::targets
  Usd silence_cost;
  std::vector<Hold> holds;        ///< by name
  std::vector<Silence> timeline;  ///< all of them, in order

  [[nodiscard]] Millis downtime() const noexcept { return down[0] + down[1] + down[2]; }
  [[nodiscard]] double availability() const noexcept;  ///< 0..1
  [[nodiscard]] double years() const noexcept;
  [[nodiscard]] Usd spent() const noexcept;  ///< for the targets, over the whole time
  [[nodiscard]] Usd cost() const noexcept { return spent() + silence_cost; }
};

}  // namespace understudy::rehearse
