// The compose plugin as a whole: the engine's replies and what the compose program prints, a rendered file among it.
// whole.hpp says what an input is.
#include "tests/fuzz/requests.hpp"

using namespace understudy::fuzz;

namespace {

const std::vector<Question>& questions() {
  const auto folder = std::filesystem::path(own_file("shop/compose.yaml", "services:\n  bot:\n    image: shop\n"))
                          .parent_path()
                          .string();
  const Json settings = {
      {"project_dir", folder}, {"project", "shop"}, {"host", "unix:///run/engine.sock"}, {"started_after", 0}};
  const Json named =
      with(settings, {{"services", {"bot"}}, {"program", {"docker", "compose"}}, {"drill", {{"ports", true}}}});
  const Json folders = {{{"from", "/srv/state"}, {"to", "/tmp/copy"}}};
  const Json drill = with(at(), {{"drill", "d-1"}, {"snapshot", "s"}, {"folders", folders}});
  const Json end = with(at(), {{"drill", "d-1"}, {"grace_ms", 1000}});
  static const std::vector<Question> all = {{"target", settings, "standby.observe/1", at()},
                                            {"target", settings, "standby.activate/1", start()},
                                            {"target", settings, "standby.deactivate/1", stop()},
                                            {"target", settings, "standby.logs/1", {{"lines", 5}}},
                                            {"target", named, "drill.start/1", drill},
                                            {"target", named, "drill.observe/1", at()},
                                            {"target", settings, "drill.end/1", end},
                                            {"target", named, "target.diagnose/1", at()},
                                            {"health", settings, "health.check/1", look()},
                                            {"health", settings, "health.watch/1", Json::object(), true}};
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
