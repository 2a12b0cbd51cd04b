#include "core/detect/schedule.hpp"

#include <algorithm>

namespace understudy::detect {

Time on_tick(Time at) noexcept {
  const auto t = std::chrono::duration_cast<Micros>(tick).count();
  const auto n = at.time_since_epoch().count();
  return Time(Micros((n + t - 1) / t * t));
}

Millis first_delay(std::uint64_t hash, Millis interval) noexcept {
  return Millis(
      static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(std::max<std::int64_t>(1, interval.count()))));
}

Millis jittered(Millis interval, double jitter, std::uint64_t random) noexcept {
  const double unit = static_cast<double>(random >> 11) * 0x1.0p-53;  // 0 ≤ unit < 1
  return Millis(std::max<std::int64_t>(
      1, static_cast<std::int64_t>(static_cast<double>(interval.count()) * (1 + jitter * (2 * unit - 1)))));
}

void Schedule::at(std::size_t item, Time due) {
  queue_.push({due, static_cast<std::uint32_t>(item), ++generation_[item]});
}

std::vector<std::size_t> Schedule::due(Time now) {
  std::vector<std::size_t> out;
  while (!queue_.empty() && queue_.top().due <= now) {
    const Entry entry = queue_.top();
    queue_.pop();
    if (generation_[entry.item] == entry.generation) out.push_back(entry.item);
  }
  return out;
}

std::optional<Time> Schedule::next() {
  while (!queue_.empty() && generation_[queue_.top().item] != queue_.top().generation) queue_.pop();
  if (queue_.empty()) return std::nullopt;
  return queue_.top().due;
}

}  // namespace understudy::detect
