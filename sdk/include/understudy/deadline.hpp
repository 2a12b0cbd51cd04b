// SPDX-License-Identifier: Apache-2.0
// The end of the time that one call has. A value; any thread.
#pragma once

#include <algorithm>
#include <chrono>

#include "understudy/status.hpp"

namespace understudy::sdk {

class Deadline {
 public:
  explicit Deadline(Millis budget) : end_(std::chrono::steady_clock::now() + budget) {}
  /// Never less than a millisecond, so that a call past it fails by timeout and not by a zero.
  [[nodiscard]] Millis left() const {
    const auto left = std::chrono::duration_cast<Millis>(end_ - std::chrono::steady_clock::now());
    return std::max(left, Millis(1));
  }
  [[nodiscard]] bool over() const { return std::chrono::steady_clock::now() >= end_; }
  /// Less is left than one more look takes.
  [[nodiscard]] bool near(Millis pause) const { return left() < pause * 2; }
  /// The same end or an earlier one, so that something can still be done after it.
  [[nodiscard]] Deadline at_most(Millis budget) const { return Deadline(std::min(left(), budget)); }
  [[nodiscard]] Deadline earlier(Millis reserve) const { return Deadline(std::max(left() - reserve, Millis(1))); }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace understudy::sdk
