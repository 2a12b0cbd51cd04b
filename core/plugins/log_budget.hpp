// How many lines of one plugin's process go into the log: a flood of them would fill the disk and hold the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "core/host/log.hpp"

namespace understudy::plugins {

class LogBudget {
 public:
  static constexpr int lines_a_second = 200;

  LogBudget(host::Logger& log, std::string name) : log_(log), name_(std::move(name)) {}

  /// Whether one more line may go.
  [[nodiscard]] bool take(std::chrono::steady_clock::time_point now) {
    if (now - since_ >= std::chrono::seconds(1)) {
      since_ = now;
      left_ = lines_a_second;
      tell();
    }
    if (left_ > 0) return left_-- > 0;
    ++dropped_;
    return false;
  }
  /// How many were left out, if any were since the last time.
  void tell() {
    if (const auto n = std::exchange(dropped_, 0); n > 0)
      log_.write(host::Level::warning, name_,
                 std::to_string(n) + " more lines were dropped: at most " + std::to_string(lines_a_second) +
                     " a second are logged");
  }

 private:
  host::Logger& log_;
  std::string name_;
  std::chrono::steady_clock::time_point since_{};
  int left_ = lines_a_second;
  std::uint64_t dropped_ = 0;
};

}  // namespace understudy::plugins
