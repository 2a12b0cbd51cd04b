// Properties: laws that hold for every input, tried on many random ones. Small inputs come first, and a failure is told
// by the smallest that breaks the law, with the seed that makes it again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/sim/dice.hpp"
#include "tests/catch.hpp"

namespace understudy::test {

#ifdef UNDERSTUDY_SANITIZED
inline constexpr int property_runs = 200;
#else
inline constexpr int property_runs = 2'000;
#endif
inline constexpr int largest_input = 12;

/// `law(dice, size)`: draws an input of about that size and says what is wrong with it, with the input; empty: nothing.
template <class Law>
void always(Law law) {
  for (int size = 1; size <= largest_input; ++size) {
    for (int run = 0; run < property_runs / largest_input; ++run) {
      const auto seed = static_cast<std::uint64_t>(size) * 1'000'003 + static_cast<std::uint64_t>(run);
      sim::Dice dice(seed);
      const std::string broken = law(dice, size);
      if (!broken.empty()) FAIL("seed " << seed << ", size " << size << ": " << broken);
    }
  }
}

template <class T>
const T& one_of(sim::Dice& dice, const std::vector<T>& from) {
  return from[dice.below(from.size())];
}

template <class T>
void shuffle(sim::Dice& dice, std::vector<T>& items) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[dice.below(i)]);
}

}  // namespace understudy::test
