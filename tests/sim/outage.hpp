// One outage in a world that is well otherwise: the failover is to take no longer than what `understudy check` prints
// as its worst case (core/policy/worst_case), part by part. docker/swarm #1227: hidden delays made it 40 s.
#pragma once

#include <functional>
#include <string>

#include "tests/sim/world.hpp"

namespace understudy::sim {

class Outage {
 public:
  explicit Outage(World& world) : world_(world) {}
  /// Lets the first service's primary serve for a while, takes it away, and waits until another target is active.
  void play();
  /// Whether the file has a worst case for what happened: a person was not asked, and was not to be.
  [[nodiscard]] bool counts() const noexcept { return counts_; }
  /// How much of the printed time was used, of the part that used most of its own.
  [[nodiscard]] double share() const noexcept { return share_; }

 private:
  [[nodiscard]] bool well() const;
  /// The way in which it happens, in words: only such that a machine can go on from.
  [[nodiscard]] std::string strike();
  [[nodiscard]] bool asks_a_person() const;
  [[nodiscard]] bool may_ask(const std::string& by) const;
  /// Until it is so. False: a person is asked, or it takes longer than what is printed of this part.
  [[nodiscard]] bool waits(const std::string& what, Millis printed, const std::function<bool()>& is_so);

  World& world_;
  bool counts_ = false;
  double share_ = 0;
};

}  // namespace understudy::sim
