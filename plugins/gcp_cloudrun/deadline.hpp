// The end of the time that a call has. A value.
#pragma once

#include <algorithm>
#include <chrono>

#include "understudy/status.hpp"

namespace gcp {

class Deadline {
 public:
  explicit Deadline(understudy::sdk::Millis budget) : end_(std::chrono::steady_clock::now() + budget) {}
  /// Never less than a millisecond, so that a call past it fails by timeout and not by a zero.
  [[nodiscard]] understudy::sdk::Millis left() const { return std::max(raw(), understudy::sdk::Millis(1)); }
  [[nodiscard]] bool over() const { return raw() <= understudy::sdk::Millis(0); }
  /// The same, or `limit` from now when that is sooner.
  [[nodiscard]] Deadline within(understudy::sdk::Millis limit) const { return Deadline(std::min(left(), limit)); }

 private:
  [[nodiscard]] understudy::sdk::Millis raw() const {
    return std::chrono::duration_cast<understudy::sdk::Millis>(end_ - std::chrono::steady_clock::now());
  }
  std::chrono::steady_clock::time_point end_;
};

}  // namespace gcp
