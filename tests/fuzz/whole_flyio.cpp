// The Fly.io plugin as a whole: machines, leases, versions, prices. whole.hpp says what an input is.
#include "tests/fuzz/requests.hpp"

using namespace understudy::fuzz;

namespace {

const std::vector<Question>& questions() {
  const Json plain = {{"app", "standby"}, {"token", {{"$secret", "token"}}}, {"lease_ttl", 5000}, {"started_after", 0}};
  const Json creating =
      with(plain, {{"image", "registry/shop:1"}, {"regions", {"fra", "ams"}}, {"count", 2}, {"prewarm", "suspend"}});
  static const std::vector<Question> all = {
      {"target", plain, "standby.observe/1", at()},         {"target", plain, "standby.activate/1", start()},
      {"target", plain, "standby.deactivate/1", stop()},    {"target", creating, "standby.activate/1", start()},
      {"target", creating, "standby.prewarm/1", change()},  {"target", plain, "standby.rollback/1", change()},
      {"target", plain, "standby.quote/1", Json::object()}, {"target", creating, "target.diagnose/1", at()},
      {"health", plain, "health.check/1", look()}};
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
