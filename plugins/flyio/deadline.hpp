// The end of the time that one call has.
#pragma once

#include <algorithm>
#include <chrono>

#include "understudy/status.hpp"

namespace flyio_plugin {

class Deadline {
 public:
  explicit Deadline(understudy::sdk::Millis budget) : end_(std::chrono::steady_clock::now() + budget) {}
  /// Never less than a millisecond, so that a call past it fails by timeout and not by a zero.
  [[nodiscard]] understudy::sdk::Millis left() const {
    const auto left = std::chrono::duration_cast<understudy::sdk::Millis>(end_ - std::chrono::steady_clock::now());
    return std::max(left, understudy::sdk::Millis(1));
  }
  [[nodiscard]] bool over() const { return std::chrono::steady_clock::now() >= end_; }
  /// The same end or an earlier one, so that something can still be done after it.
  [[nodiscard]] Deadline at_most(understudy::sdk::Millis budget) const { return Deadline(std::min(left(), budget)); }
  [[nodiscard]] Deadline earlier(understudy::sdk::Millis reserve) const {
    return Deadline(std::max(left() - reserve, understudy::sdk::Millis(1)));
  }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace flyio_plugin
