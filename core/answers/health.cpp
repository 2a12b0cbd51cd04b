#include "core/answers/health.hpp"

#include "core/answers/values.hpp"

namespace understudy::answers {

CheckReport check(const sdk::Json& answer) {
  CheckReport out;
  const auto outcome = text(answer, "outcome", "unknown");
  for (const auto known : {Outcome::pass, Outcome::degraded, Outcome::fail}) {
    if (outcome == to_string(known)) out.outcome = known;
  }
  out.cause = text(answer, "cause");
  out.verdict = flag(answer, "verdict", true);
  out.local = flag(answer, "local", false);
  return out;
}

}  // namespace understudy::answers
