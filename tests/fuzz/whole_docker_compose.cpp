// The compose plugin as a whole: the engine's replies and what the compose program prints, a rendered file among it.
// whole.hpp says what an input is.
#include "tests/fuzz/whole.hpp"

using namespace understudy::fuzz;

namespace {

const std::vector<Question>& questions() {
  static const auto folder =
      std::filesystem::path(own_file("shop/compose.yaml", "services:\n  bot:\n    image: shop\n"))
          .parent_path()
          .string();
  static const Json settings = {
      {"project_dir", folder}, {"project", "shop"}, {"host", "unix:///run/engine.sock"}, {"started_after", 0}};
  static const Json named = [] {
    Json out = settings;
    out.update({{"services", {"bot"}}, {"program", {"docker", "compose"}}, {"drill", {{"ports", true}}}});
    return out;
  }();
  const Json at = {{"service", "shop"}, {"target", "here"}};
  Json start = at, stop = at, drill = at, end = at;
  start.update({{"epoch", 5}, {"operation", "op-5"}, {"snapshot", "s"}, {"reason", "failover"}});
  stop.update({{"epoch", 5}, {"operation", "stop-5"}, {"grace_ms", 1000}});
  drill.update({{"drill", "d-1"}, {"snapshot", "s"}, {"folders", {{{"from", "/srv/state"}, {"to", "/tmp/copy"}}}}});
  end.update({{"drill", "d-1"}, {"grace_ms", 1000}});
  static const std::vector<Question> all = {{"target", settings, "standby.observe/1", at},
                                            {"target", settings, "standby.activate/1", start},
                                            {"target", settings, "standby.deactivate/1", stop},
                                            {"target", settings, "standby.logs/1", {{"lines", 5}}},
                                            {"target", named, "drill.start/1", drill},
                                            {"target", named, "drill.observe/1", at},
                                            {"target", settings, "drill.end/1", end},
                                            {"target", named, "target.diagnose/1", at},
                                            {"health", settings, "health.check/1", {{"timeout_ms", 5000}}},
                                            {"health", settings, "health.watch/1", Json::object(), true}};
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
