// The plugin that speaks with an agent, as a whole. whole.hpp says what an input is.
#include "tests/fuzz/requests.hpp"

using namespace understudy::fuzz;

namespace {

const std::vector<Question>& questions() {
  const Json settings = {
      {"url", "http://10.0.0.2:8760"}, {"api_key", {{"$secret", "api_key"}}}, {"service", "counter"}, {"poll", 10}};
  static const std::vector<Question> all = {{"target", settings, "standby.observe/1", at()},
                                            {"target", settings, "standby.activate/1", start()},
                                            {"target", settings, "standby.deactivate/1", stop()},
                                            {"target", settings, "target.diagnose/1", at()},
                                            {"health", settings, "health.check/1", look()}};
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
