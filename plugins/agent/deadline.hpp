// The end of the time that one call has.
#pragma once

#include <algorithm>
#include <chrono>

#include "understudy/status.hpp"

namespace agent_plugin {

class Deadline {
 public:
  explicit Deadline(understudy::sdk::Millis budget) : end_(std::chrono::steady_clock::now() + budget) {}
  /// Never less than a millisecond, so that a call past it fails by timeout and not by a zero.
  [[nodiscard]] understudy::sdk::Millis left() const {
    const auto left = std::chrono::duration_cast<understudy::sdk::Millis>(end_ - std::chrono::steady_clock::now());
    return std::max(left, understudy::sdk::Millis(1));
  }
  /// Less is left than one more look takes.
  [[nodiscard]] bool near(understudy::sdk::Millis pause) const { return left() < pause * 2; }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace agent_plugin
