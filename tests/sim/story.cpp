#include "tests/sim/story.hpp"

#include <fmt/format.h>

namespace understudy::sim {

std::string clock_text(Time at) {
  const auto ms = at.time_since_epoch().count() / 1000;
  return fmt::format("{:02}:{:02}:{:02}.{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

void Story::add(const std::string& who, const std::string& what) {
  if (on) lines.push_back(fmt::format("{}  {:<18} {}", clock_text(now), who, what));
}

}  // namespace understudy::sim
