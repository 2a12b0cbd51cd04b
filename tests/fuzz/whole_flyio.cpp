// The Fly.io plugin as a whole: machines, leases, versions, prices. whole.hpp says what an input is.
#include "tests/fuzz/whole.hpp"

using namespace understudy::fuzz;

namespace {

const Json at = {{"service", "shop"}, {"target", "here"}};

Json with(const Json& more) {
  Json out = at;
  out.update(more);
  return out;
}

const std::vector<Question>& questions() {
  static const Json plain = {
      {"app", "standby"}, {"token", {{"$secret", "token"}}}, {"lease_ttl", 5000}, {"started_after", 0}};
  static const Json creating = [] {
    Json out = plain;
    out.update({{"image", "registry/shop:1"}, {"regions", {"fra", "ams"}}, {"count", 2}, {"prewarm", "suspend"}});
    return out;
  }();
  const Json start = with({{"epoch", 5}, {"operation", "op-5"}, {"snapshot", "s"}, {"reason", "failover"}});
  const Json stop = with({{"epoch", 5}, {"operation", "stop-5"}, {"grace_ms", 1000}});
  const Json change = with({{"epoch", 5}, {"operation", "op"}});
  static const std::vector<Question> all = {{"target", plain, "standby.observe/1", at},
                                            {"target", plain, "standby.activate/1", start},
                                            {"target", plain, "standby.deactivate/1", stop},
                                            {"target", creating, "standby.activate/1", start},
                                            {"target", creating, "standby.prewarm/1", change},
                                            {"target", plain, "standby.rollback/1", change},
                                            {"target", plain, "standby.quote/1", Json::object()},
                                            {"target", creating, "target.diagnose/1", at},
                                            {"health", plain, "health.check/1", {{"timeout_ms", 5000}}}};
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
