// What an agent says of itself at /health, and how it refuses an order, as the plugin on the orchestrator's side reads
// it.
#include "plugins/agent/report.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "understudy/json.hpp"

using namespace understudy;
using State = sdk::Observation::State;

FUZZ(input) {
  const auto body = sdk::parse_json(input);
  fuzz::must(agent_plugin::instance_in(body).size() <= 64, "an instance's name is bounded");
  const auto refusal = agent_plugin::read_refusal(body);
  (void)fuzz::dumped({refusal.code, refusal.message, refusal.hint});
  const auto report = agent_plugin::read_report(body);
  if (!report) return;
  (void)fuzz::dumped(report->told());
  fuzz::must(!report->epoch || *report->epoch > 0, "no epoch is zero");
  fuzz::must(report->state() != State::stopped || report->mode == "standby", "only who stands by is stopped");
  fuzz::must(!report->left_unsaved() || report->state() == State::active || report->state() == State::stopped,
             "what is left is told of what runs, or runs no more");
}
