// The orchestrator's answer to an agent that renews its lease: a status, a blank, and the body.
#include "core/agent/lease_answer.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using Kind = agent::LeaseAnswer::Kind;

FUZZ(input) {
  const auto status = std::atoi(std::string(input.substr(0, 3)).c_str());
  const sdk::Result result{{{"status", status}, {"body", input.substr(std::min<std::size_t>(4, input.size()))}}};
  const auto answer = agent::read_lease_answer(result, Epoch{5});
  fuzz::must(answer.kind == Kind::granted || !answer.why.empty(), "what is not granted says why");
  fuzz::must(answer.kind != Kind::granted || (answer.ttl >= Millis(200) && answer.ttl <= Millis(86'400'000)),
             "a lease is bounded");
  fuzz::must(answer.kind != Kind::granted || status == 200, "only a 200 grants");
  fuzz::must(answer.kind != Kind::refused || status == 409, "only a 409 refuses");
  (void)fuzz::dumped(answer.why);
}
