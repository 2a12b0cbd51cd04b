#include "core/drill/evidence.hpp"

namespace understudy::drill {
namespace {

[[nodiscard]] bool weak(const detect::RoundResult& result) {
  return detect::of_candidate(result).outcome != result.outcome;
}

}  // namespace

Before before_the_copy(const detect::RoundResult& result) {
  const bool passed = result.outcome == Outcome::pass || result.outcome == Outcome::degraded;
  return {passed && !weak(result), passed && weak(result)};
}

bool is_well(const detect::RoundResult& result, const Before& before, bool degraded_is_up, bool had_its_time) {
  if (weak(result) && (before.passed_weakly || !had_its_time)) return false;
  return result.outcome == Outcome::pass || (result.outcome == Outcome::degraded && degraded_is_up);
}

}  // namespace understudy::drill
