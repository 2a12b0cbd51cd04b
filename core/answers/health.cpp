#include "core/answers/health.hpp"

namespace understudy::answers {

CheckReport check(const sdk::Json& answer) {
  CheckReport out;
  const auto outcome = answer.value("outcome", "unknown");
  for (const auto known : {Outcome::pass, Outcome::degraded, Outcome::fail}) {
    if (outcome == to_string(known)) out.outcome = known;
  }
  out.cause = answer.value("cause", "");
  out.verdict = answer.value("verdict", true);
  out.local = answer.value("local", false);
  return out;
}

}  // namespace understudy::answers
