// When a workload that ended by itself is started again. Pure.
#pragma once

#include <optional>
#include <vector>

#include "core/model/time.hpp"

namespace understudy::agent {

class Restarts {
 public:
  /// `delays`: before the first, second, ... start again; after the last it is given up. A run of `stable_after` or
  /// longer begins the list anew.
  Restarts(std::vector<Millis> delays, Millis stable_after) : delays_(std::move(delays)), stable_after_(stable_after) {}

  /// It ended after `ran`: how long to wait, or nothing: given up.
  [[nodiscard]] std::optional<Millis> ended(Millis ran) {
    if (ran >= stable_after_) used_ = 0;
    if (used_ >= delays_.size()) return std::nullopt;
    return delays_[used_++];
  }
  void forget() noexcept { used_ = 0; }

 private:
  std::vector<Millis> delays_;
  Millis stable_after_;
  std::size_t used_ = 0;
};

}  // namespace understudy::agent
