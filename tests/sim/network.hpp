// Who can reach whom. A cut is one-way; a link may be cut several times and is open when each cut has healed.
#pragma once

#include <vector>

#include "core/model/time.hpp"
#include "core/sim/dice.hpp"

namespace understudy::sim {

class Network {
 public:
  explicit Network(int nodes) : nodes_(nodes), cuts_(static_cast<std::size_t>(nodes) * nodes, 0) {}

  void cut(int from, int to) { ++cuts_[index(from, to)]; }
  void heal(int from, int to) { --cuts_[index(from, to)]; }
  [[nodiscard]] bool open(int from, int to) const { return cuts_[index(from, to)] == 0; }
  [[nodiscard]] int nodes() const noexcept { return nodes_; }

  /// How long a message takes: mostly a millisecond to 50, and while the network is slow up to half a minute.
  [[nodiscard]] Micros delay(int to, Dice& dice) const {
    if (late_to == to && dice.chance(0.8)) return Micros(dice.between(1'000'000, 14'000'000));
    if (slow && dice.chance(slow_share))
      return Micros(dice.between(500'000, dice.chance(0.5) ? 5'000'000 : 30'000'000));
    return Micros(dice.between(1'000, 50'000));
  }

  double loss = 0, doubling = 0;  ///< of one message
  bool slow = false;
  double slow_share = 0;  ///< of messages, while it is slow
  int late_to = -1;       ///< what this node is sent takes seconds

 private:
  [[nodiscard]] std::size_t index(int from, int to) const {
    return static_cast<std::size_t>(from) * static_cast<std::size_t>(nodes_) + static_cast<std::size_t>(to);
  }
  int nodes_;
  std::vector<int> cuts_;
};

}  // namespace understudy::sim
