// What happened, in words, with the true time of each line. Recorded only when somebody wants to read it: a failing
// seed is run a second time.
#pragma once

#include <string>
#include <vector>

#include "core/model/time.hpp"

namespace understudy::sim {

struct Story {
  bool on = false;
  std::vector<std::string> lines;
  Time now{};
  void add(const std::string& who, const std::string& what);
};

[[nodiscard]] std::string clock_text(Time at);

}  // namespace understudy::sim
