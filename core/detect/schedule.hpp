// When which check is due: spread over the interval, jittered, and rounded to a tick, so that checks do not bunch and
// wake-ups are shared. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "core/model/time.hpp"

namespace understudy::detect {

/// Checks within one tick go out together: waking up is what costs most.
inline constexpr Millis tick{10};

/// `at` rounded up to the tick.
[[nodiscard]] Time on_tick(Time at) noexcept;
/// The first check of something: somewhere within `interval`, fixed by `hash`.
[[nodiscard]] Millis first_delay(std::uint64_t hash, Millis interval) noexcept;
/// `interval` ± jitter; `random` is any 64 bits.
[[nodiscard]] Millis jittered(Millis interval, double jitter, std::uint64_t random) noexcept;

/// Items by due time. Rescheduling an item makes its former entry void.
class Schedule {
 public:
  explicit Schedule(std::size_t items = 0) : generation_(items, 0) {}
  std::size_t add() {
    generation_.push_back(0);
    return generation_.size() - 1;
  }
  void at(std::size_t item, Time due);
  void remove(std::size_t item) { ++generation_[item]; }
  /// Takes the items that are due at `now`.
  [[nodiscard]] std::vector<std::size_t> due(Time now);
  [[nodiscard]] std::optional<Time> next();

 private:
  struct Entry {
    Time due;
    std::uint32_t item, generation;
    bool operator>(const Entry& other) const noexcept { return due > other.due; }
  };
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
  std::vector<std::uint32_t> generation_;
};

/// True when the active site and every candidate fail together: that looks like our own trouble.
/// With no candidate there is nothing in common.
[[nodiscard]] constexpr bool common_mode(bool active_fails, std::size_t candidates,
                                         std::size_t candidates_failing) noexcept {
  return active_fails && candidates > 0 && candidates_failing == candidates;
}

}  // namespace understudy::detect
