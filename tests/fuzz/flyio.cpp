// Replies of the Machines API: a status, a blank, and the body.
#include "plugins/flyio/answer.hpp"
#include "plugins/flyio/machine.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace flyio_plugin;
using sdk::Json;

namespace {

void look_at(const Machines& machines, const Settings& settings) {
  (void)describe(machines);
  (void)newest_epoch(machines);
  (void)fuzz::dumped(observation_of(machines, 1).to_json());
  (void)fuzz::dumped(health_of(machines, settings).to_json());
  const auto alive = living(machines);
  for (const auto& machine : machines) {
    (void)machine.describe();
    (void)machine.wakers();
    (void)machine.proxy_wakes();
    (void)machine.fell_asleep();
    (void)machine.passive();
    (void)fuzz::dumped(cleaned(machine.config));
    fuzz::must(machine.phase() == Phase::gone || machine.phase() != Phase::started || !alive.empty(),
               "what has started lives");
  }
}

}  // namespace

FUZZ(input) {
  static const auto settings = Settings::from_json({{"app", "a"}, {"token", "t"}});
  const int status = std::atoi(std::string(input.substr(0, 3)).c_str());
  const std::string body(input.substr(std::min<std::size_t>(4, input.size())));
  const Json headers = {{"retry-after", body.substr(0, 9)}, {"fly-request-id", body.substr(0, 20)}};
  const auto answer = Answer::from({{{"status", status}, {"body", body}, {"headers", headers}}});
  (void)answer.doubtful();
  (void)fuzz::dumped(explain(answer, {"start machine m", "fra", true}, settings).to_json());
  try {  // Json::exception: no machine, told as such by whoever asked
    Machines machines;
    if (answer.body.is_array()) {
      for (const auto& one : answer.body) machines.push_back(Machine::from_json(one));
    } else {
      machines.push_back(Machine::from_json(answer.body));
    }
    look_at(machines, settings);
  } catch (const Json::exception&) {
    return;
  }
}
