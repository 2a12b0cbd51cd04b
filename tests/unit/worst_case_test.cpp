// docker/swarm #1227: hidden default delays made a failover take 40 s. What `check` prints is all of them.
#include "core/policy/worst_case.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace std::chrono_literals;

namespace {

config::Service service() {
  config::Service s;
  s.primary = TargetId("home");
  s.targets.resize(3);
  const char* names[] = {"home", "spare", "cloud"};
  for (std::size_t i = 0; i < 3; ++i) s.targets[i].id = TargetId(names[i]);
  s.detect.interval = 15s;
  s.detect.fast_interval = 2s;
  s.detect.timeout = 5s;
  s.detect.jitter = 0.1;
  s.detect.fall = 3;
  s.targets[1].declared.ready_in = 20s;
  s.targets[2].declared.ready_in = 30s;
  s.targets[2].activate_timeout = 400s;
  return s;
}

}  // namespace

TEST_CASE("the worst case of noticing: each check of a chain times out, at the interval and then at the fast one") {
  auto s = service();
  // 16.5 s and 5 s, then twice 2.2 s and 5 s; a tick of 10 ms each.
  CHECK(policy::worst_case(s, s.targets[0]).notice == 35'930ms);
  s.targets[0].health.resize(3);
  CHECK(policy::worst_case(s, s.targets[0]).notice == 65'930ms);
  // Each of three failing rounds may wait for the checks of our own network.
  CHECK(policy::worst_case(s, s.targets[0], 3s).notice == 74'930ms);
  s.detect.combine = config::Combine::all;
  CHECK(policy::worst_case(s, s.targets[0]).notice == 35'930ms);
  // One hangs, another one has passed just before the site died, and suffices: 5 s until the next round is begun.
  s.detect.combine = GENERATE(config::Combine::any, config::Combine::k_of_n);
  CHECK(policy::worst_case(s, s.targets[0]).notice == 40'930ms);
  s.detect.combine = config::Combine::k_of_n;
  s.detect.k = 3;  // as "all"
  CHECK(policy::worst_case(s, s.targets[0]).notice == 35'930ms);
  s.detect.k = 1;
  s.targets[0].health.resize(1);
  CHECK(policy::worst_case(s, s.targets[0]).notice == 35'930ms);
}

TEST_CASE("a lease bounds the wait for a site that nobody reaches; without one only an attempt to stop it is counted") {
  auto s = service();
  const auto without = policy::worst_case(s, s.targets[0]);
  CHECK_FALSE(without.fence.has_value());
  CHECK(without.fenced() == 60s);
  s.targets[0].lease = true;
  const auto with = policy::worst_case(s, s.targets[0]);
  CHECK(with.fence == 20'000ms);
  CHECK(with.total() == with.notice + 20s + 2 * 400s);
  CHECK(with.expected() == with.notice + 20s + 20s);
}

TEST_CASE("the last save counts where the site keeps its state here") {
  auto s = service();
  s.state.emplace();
  CHECK(policy::worst_case(s, s.targets[0]).save == 0ms);
  s.targets[0].paths = {"/x"};
  CHECK(policy::worst_case(s, s.targets[0]).save == 60s);
  s.state->save_on_failover = false;
  CHECK(policy::worst_case(s, s.targets[0]).save == 0ms);
}
