// Randomness that repeats: the same seed gives the same draws on every platform, which the standard library's
// distributions do not promise. Pure.
#pragma once

#include <cmath>
#include <cstdint>

namespace understudy::sim {

/// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). Not for secrets.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t bits() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// 0 <= x < 1.
  double unit() noexcept { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  /// 0 <= x < bound; bound > 0. The bias of the remainder is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) noexcept { return bits() % bound; }
  /// low <= x <= high.
  std::int64_t between(std::int64_t low, std::int64_t high) noexcept {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  bool chance(double probability) noexcept { return unit() < probability; }
  /// Exponentially distributed with this mean: the time to the next of events that come independently.
  double exponential(double mean) noexcept { return -mean * std::log1p(-unit()); }
  /// A stream of its own: what one part draws does not shift what another gets.
  Dice split() noexcept { return Dice(bits()); }

 private:
  std::uint64_t state_;
};

}  // namespace understudy::sim
