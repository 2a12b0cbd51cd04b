// Rehearsals: hand-computed stories, and what must hold whatever happens.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/policy/worst_case.hpp"
#include "core/rehearse/alternatives.hpp"
#include "core/rehearse/render.hpp"
#include "core/sim/dice.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::rehearse;
using namespace std::chrono_literals;
using What = Fault::What;

namespace {

constexpr Micros day = 24h;
constexpr Micros year = 8766h;

config::PluginUse some_plugin() {
  config::PluginUse use;
  use.plugin = "x";
  return use;
}

config::Target target(const char* name, Millis ready_in) {
  config::Target t;
  t.id = TargetId(name);
  t.use = some_plugin();
  t.health = {some_plugin()};
  t.ready = {some_plugin()};
  t.declared = {ready_in, 1.0};
  t.paths = {"/state"};
  return t;
}

/// No chance in it: probes each 10 s, then each second; a start takes what is declared and never fails.
config::Config quiet_config() {
  config::Config c;
  auto& s = c.services.emplace_back();
  s.id = ServiceId("s");
  s.primary = TargetId("home");
  s.downtime_cost_per_hour = {10.0};
  s.targets = {target("home", 20s), target("spare", 30s)};
  s.targets[1].order = 1;
  s.targets[1].price.active_per_hour = Usd{2.0};
  s.targets[1].price.activation = Usd{0.5};
  s.targets[1].price.standby_per_hour = Usd{0.01};
  s.targets[1].price.place.line = 1;
  s.detect.interval = 10s;
  s.detect.fast_interval = 1s;
  s.detect.fall = 3;
  s.detect.jitter = 0;
  s.detect.start_grace = 0s;
  s.observe_every = 60s;
  s.failback.stable_for = 10min;
  s.state.emplace();
  s.state->every = 5min;
  s.state->store = some_plugin();
  s.state->paths = {"/state"};
  c.rehearse.probe_loss = 0;
  c.rehearse.activation_spread = 0;
  c.rehearse.our_network_outages_per_year = 0;
  c.rehearse.control_plane_outages_per_year = 0;
  c.rehearse.state_takes = 5s;
  c.rehearse.stop_takes = 2s;
  return c;
}

Assumptions assumed(const config::Config& c) { return assume(c, c.services.front(), std::nullopt, {}); }

Fault fault(What what, std::size_t at_target, Micros from, Micros lasts, bool state_survives = true) {
  return {what, at_target, Time(from), Time(from + lasts), state_survives};
}

Report play(const config::Config& c, const std::vector<Fault>& faults, Micros length = day) {
  return rehearse::rehearse(c.services.front(), assumed(c), faults, length, 1);
}

/// What must hold of every report.
void check_sane(const Report& r) {
  CHECK(r.availability() >= 0);
  CHECK(r.availability() <= 1);
  Millis silent{0};
  Time last{};
  for (const auto& s : r.timeline) {
    CHECK(s.from >= last);
    CHECK(s.to >= s.from);
    CHECK(s.to.time_since_epoch() <= r.length);
    silent += std::chrono::duration_cast<Millis>(s.to - s.from);
    last = s.to;
  }
  CHECK(silent == r.downtime());
  CHECK(r.silences == static_cast<int>(r.timeline.size()));
  for (const auto& m : r.money) {
    CHECK(m.ran.count() >= 0);
    CHECK(m.ran <= std::chrono::duration_cast<Millis>(r.length));
    CHECK(m.failed <= m.activations);
  }
  CHECK(r.rto.p50 <= r.rto.p95);
  CHECK(r.rto.p99 <= r.rto.max);
  CHECK(r.rto.max <= r.longest_silence);
}

}  // namespace

TEST_CASE("an outage of an hour, computed by hand") {
  // Probes of home at k * 10 s (plus where the first one fell); the deciding round is the third failure: up to 10 s
  // until the first, then two of 1 s. Then: stop 2 s, save 5 s, bring 5 s (the saved one is newer than what was brought
  // meanwhile), start 30 s, verified at once.
  const auto c = quiet_config();
  const auto r = play(c, {fault(What::down, 0, 3h, 1h)});
  check_sane(r);
  CHECK(r.failovers == 1);
  CHECK(r.failbacks == 1);
  CHECK(r.false_failovers == 0);
  REQUIRE(r.timeline.size() == 2);
  const auto& out = r.timeline[0];
  CHECK(out.from == Time(3h));
  CHECK(out.cause == Cause::outage);
  CHECK(out.moved);
  CHECK(out.to - out.from >= 2s + 2s + 5s + 5s + 30s);
  CHECK(out.to - out.from <= 10s + 2s + 2s + 5s + 5s + 30s);
  CHECK(r.rto.n == 1);
  CHECK(r.rto.max == std::chrono::duration_cast<Millis>(out.to - out.from));
  CHECK(r.rpo.max == 0ms);  // what home left was saved
  // Home is well at 4:00:00, seen so at the next observation (a multiple of 60 s), and brought back ten minutes later:
  // stop 2 s, save 5 s, bring 5 s, start 20 s.
  const auto& home = r.timeline[1];
  CHECK(home.cause == Cause::planned);
  CHECK(home.to - home.from == 5s + 5s + 20s);
  CHECK(home.from >= Time(4h + 10min));
  CHECK(home.from <= Time(4h + 11min + 2s));
  CHECK(r.downtime() == std::chrono::duration_cast<Millis>((out.to - out.from) + (home.to - home.from)));
  // Money: spare ran from the end of its start until it was stopped.
  const auto ran = home.from - out.to;
  const double hours = static_cast<double>(std::chrono::duration_cast<Millis>(ran).count()) / 3.6e6;
  const auto& spare = r.money[1];
  CHECK(spare.activations == 1);
  CHECK(spare.active.value == Approx(hours * 2.0));
  CHECK(spare.activation.value == Approx(0.5));
  CHECK(spare.standby.value == Approx((24 - hours) * 0.01));
  CHECK(r.silence_cost.value == Approx(static_cast<double>(r.downtime().count()) / 3.6e6 * 10));
  CHECK(r.cost().value == Approx(r.silence_cost.value + r.spent().value));
}

TEST_CASE("when nothing of the old place can be read, the work since the last snapshot is lost") {
  // Snapshots at multiples of 5 min; at 3:04 the newest that was whole is that of 3:00.
  const auto r = play(quiet_config(), {fault(What::down, 0, 3h + 4min, 1h, false)});
  CHECK(r.rpo.n == 1);
  CHECK(r.rpo.max == 4min);
  // 2 s after 3:00 that one is not yet whole: it is the one of 2:55.
  CHECK(play(quiet_config(), {fault(What::down, 0, 3h + 2s, 1h, false)}).rpo.max == 5min + 2s);
}

TEST_CASE("a place out of reach holds until a person comes, or until it answers again") {
  auto c = quiet_config();
  c.rehearse.person = 30min;
  const auto r = play(c, {fault(What::unreachable, 0, 3h, 2h)});
  check_sane(r);
  CHECK(r.failovers == 1);
  REQUIRE(r.holds.size() == 1);
  CHECK(r.holds[0].by == "fence");
  CHECK(r.holds[0].ended_by_person == 1);
  CHECK(r.holds[0].longest == 30min);
  CHECK(r.rto.max > 30min);
  CHECK(r.rto.max < 35min);
  CHECK(r.two_ran.count() > 0);  // it went on there, cut off
  c.rehearse.person = 3h;
  const auto waited = play(c, {fault(What::unreachable, 0, 3h, 2h)});
  REQUIRE(waited.holds.size() == 1);
  CHECK(waited.holds[0].ended_by_person == 0);
  CHECK(waited.two_ran == 0ms);
  CHECK(waited.downtime() >= 2h);
}

TEST_CASE("the wait for a lease's end stands for the stop of a place out of reach") {
  auto c = quiet_config();
  auto& s = c.services.front();
  s.targets[0].lease = true;
  const auto w = lease::wait_of(s.lease);
  const auto r = play(c, {fault(What::unreachable, 0, 3h, 2h)});
  check_sane(r);
  CHECK(r.failovers == 1);
  CHECK(r.holds.size() <= 1);  // told while it waits, but nobody needed to come
  for (const auto& h : r.holds) CHECK(h.ended_by_person == 0);
  CHECK(r.two_ran == 0ms);  // its agent ended it in time
  CHECK(r.rto.max >= w);
  CHECK(r.rto.max <= w + 10s + 3 * s.detect.timeout + 2s + 2 * 5s + 30s + 2s);
  // A cut shorter than what detection and the lease take leaves no trace but itself.
  const auto blip = play(c, {fault(What::unreachable, 0, 3h, 5s)});
  CHECK(blip.failovers == 0);
  CHECK(blip.downtime() == 5s);
}

TEST_CASE("while nobody can renew, agents end what they run, and start it again") {
  auto c = quiet_config();
  c.orchestrator.reference = {some_plugin()};  // so that nothing is moved
  c.services.front().targets[0].lease = true;
  c.services.front().detect.start_grace = 30s;  // it takes 20 s to start again
  const auto r = play(c, {fault(What::our_network, 0, 3h, 10min)});
  check_sane(r);
  CHECK(r.failovers == 0);
  REQUIRE(r.timeline.size() == 1);
  CHECK(r.timeline[0].from == Time(3h + 12s));
  CHECK(r.timeline[0].to == Time(3h + 10min + 20s));
  CHECK(r.down[static_cast<int>(Cause::needless)] == r.downtime());
}

/// The limits of the file are just above what this world takes, so that a part which is left out shows.
config::Config close_to_its_limits() {
  auto c = quiet_config();
  auto& s = c.services.front();
  s.detect.interval = 60s;
  s.detect.fast_interval = 10s;
  s.detect.timeout = 5s;
  for (auto& t : s.targets) {
    t.deactivate_timeout = 3s;
    t.activate_timeout = 4s;
    t.declared.ready_in = 3s;
  }
  s.state->save_timeout = 6s;
  c.rehearse.state_survives = 0.5;
  return c;
}

TEST_CASE("no failover takes longer than what check prints, and some take nearly as long") {
  auto c = close_to_its_limits();
  auto& s = c.services.front();
  for (const bool lease : {false, true}) {
    s.targets[0].lease = lease;
    const auto worst =
        policy::worst_case(s, s.targets[0]).total() + c.rehearse.state_takes;  // bringing it comes to that
    Millis longest{0};
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      INFO("seed " << seed << (lease ? ", with a lease" : ""));
      const auto what = lease ? What::unreachable : What::down;
      const auto faults = std::vector{fault(what, 0, 3h + Micros(7'001'001 * seed), 5h, seed % 2 == 0)};
      const auto r = rehearse::rehearse(s, assumed(c), faults, day, seed);
      REQUIRE(r.rto.n == 1);
      CHECK(r.rto.max <= worst);
      longest = std::max(longest, r.rto.max);
    }
    INFO(longest.count() << " ms of " << worst.count());
    CHECK(longest * 10 >= worst * 8);
  }
}

TEST_CASE("our own network's failure moves a well service only when nothing notices it") {
  auto c = quiet_config();
  // Too short for the observations to see that everything is out of reach.
  const std::vector<Fault> faults{fault(What::our_network, 0, 3h + 61s, 25s)};
  const auto blind = play(c, faults);
  check_sane(blind);
  CHECK(blind.false_failovers == 1);
  CHECK(blind.down[static_cast<int>(Cause::needless)] > 0ms);
  CHECK(blind.down[static_cast<int>(Cause::outage)] == 0ms);
  c.orchestrator.reference = {some_plugin()};
  const auto guarded = play(c, faults);
  CHECK(guarded.false_failovers == 0);
  CHECK(guarded.downtime() == 0ms);
}

TEST_CASE("lost probes alone cause false failovers when fall is low") {
  auto c = quiet_config();
  c.rehearse.probe_loss = 0.02;
  c.services.front().detect.fall = 1;
  const auto low = play(c, {}, year / 50);
  check_sane(low);
  CHECK(low.false_failovers > 50);
  c.services.front().detect.fall = 6;
  const auto high = play(c, {}, year / 50);
  CHECK(high.false_failovers == 0);
  CHECK(high.lost_probes > 500);
  CHECK(high.downtime() == 0ms);
}

TEST_CASE("what is skipped is what would have been simulated") {
  // As many probes are lost as a chance of 1 % loses of a year's, though nearly all of them are left out.
  auto c = quiet_config();
  c.rehearse.probe_loss = 0.01;
  c.services.front().detect.fall = 10;
  const auto r = play(c, {}, year);
  const double expected = 8766.0 * 3600 / 10 * 0.01;
  CHECK(static_cast<double>(r.lost_probes) > expected * 0.97);
  CHECK(static_cast<double>(r.lost_probes) < expected * 1.03);
  CHECK(r.silences == 0);
}

TEST_CASE("the limit of failovers holds, as it really does") {
  auto c = quiet_config();
  c.services.front().limits.max_failovers = 2;
  c.services.front().limits.window = 40h;
  c.rehearse.person = 30h;
  c.services.front().failback.stable_for = 1min;
  std::vector<Fault> faults;
  for (int i = 1; i <= 4; ++i) faults.push_back(fault(What::down, 0, 1h * i, 10min));
  const auto r = play(c, faults);
  check_sane(r);
  CHECK(r.failovers == 2);
  const auto hold = std::ranges::find(r.holds, "too_many_failovers", &Hold::by);
  REQUIRE(hold != r.holds.end());
  CHECK(hold->times == 2);  // each ends when home is well again
}

TEST_CASE("a service that fails back by hand is brought home by a person") {
  auto c = quiet_config();
  c.services.front().failback.policy = config::Failback::Policy::manual;
  c.rehearse.person = 45min;
  const auto r = play(c, {fault(What::down, 0, 3h, 1h)});
  CHECK(r.failbacks == 1);
  REQUIRE(r.timeline.size() == 2);
  CHECK(r.timeline[1].from == Time(4h + 45min + 2s));
}

TEST_CASE("the same seed gives the same bytes, another one others") {
  auto c = quiet_config();
  c.rehearse.activation_spread = 0.5;
  c.rehearse.probe_loss = 0.0001;
  const auto a = assumed(c);
  const auto text = [&](std::uint64_t seed) {
    const auto faults = invent(c.services.front(), a, year * 5, seed);
    Rehearsed one{"s", sentences(a, c.services.front()), {}};
    for (const auto& alternative : alternatives(c.services.front(), a))
      one.results.push_back({alternative.name, rehearse::rehearse(alternative, faults, year * 5, seed)});
    return to_text(one) + to_json(one).dump() + to_csv({one}) + to_svg({one});
  };
  CHECK(text(7) == text(7));
  CHECK(text(7) != text(8));
  const auto first = [&](std::uint64_t seed) { return invent(c.services.front(), a, year * 5, seed).front().from; };
  CHECK(first(7) != first(8));
}

TEST_CASE("alternatives make sense against the same years") {
  auto c = quiet_config();
  c.services.front().targets.push_back(target("slow", 600s));
  c.services.front().targets[2].order = 2;
  c.rehearse.outages_per_year = 30;
  c.rehearse.unreachable = 0;
  const auto a = assumed(c);
  const auto faults = invent(c.services.front(), a, year * 3, 3);
  std::map<std::string, Report> by_name;
  for (const auto& alternative : alternatives(c.services.front(), a)) {
    INFO(alternative.name);
    const auto r = rehearse::rehearse(alternative, faults, year * 3, 3);
    check_sane(r);
    by_name[alternative.name] = r;
  }
  REQUIRE(by_name.size() == 12);
  const auto& base = by_name.at("as it is");
  CHECK(by_name.at("spare kept warm").downtime() < base.downtime());
  CHECK(by_name.at("spare kept warm").spent() > base.spent());
  CHECK(by_name.at("no standby").down[0] > base.down[0] * 2);
  CHECK(by_name.at("no standby").spent().value == 0);
  CHECK(by_name.at("objective = \"cheapest\"").downtime() > by_name.at("objective = \"fastest\"").downtime());
  CHECK(by_name.at("fall = 4").rto.p50 > by_name.at("fall = 2").rto.p50);
  CHECK(by_name.at("interval = \"20s\"").rto.p50 > by_name.at("interval = \"5s\"").rto.p50);
}

TEST_CASE("time adds up whatever goes wrong") {
#ifdef UNDERSTUDY_SANITIZED
  constexpr std::uint64_t seeds = 5;
#else
  constexpr std::uint64_t seeds = 60;
#endif
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    sim::Dice dice(seed);
    auto c = quiet_config();
    auto& s = c.services.front();
    s.targets.push_back(target("third", 60s));
    if (dice.chance(0.5)) s.targets[0].failure_domain = s.targets[2].failure_domain = "house";
    if (dice.chance(0.3)) s.targets[1].health.clear();
    if (dice.chance(0.3)) s.targets[1].paths.clear();
    if (dice.chance(0.3)) s.targets[0].ready.clear();
    if (dice.chance(0.3)) s.state->max_age = 10min;
    if (dice.chance(0.3)) s.state.reset();
    if (dice.chance(0.3)) c.orchestrator.reference = {some_plugin()};
    if (dice.chance(0.3)) s.failback.policy = config::Failback::Policy::manual;
    if (dice.chance(0.2)) c.orchestrator.mode = config::Orchestrator::Mode::observe;
    if (dice.chance(0.3)) s.budget.per_month = Usd{5};
    s.detect.jitter = dice.unit() / 2;
    s.targets[1].declared.success = 0.6;
    c.rehearse.outages_per_year = static_cast<double>(dice.below(400));
    c.rehearse.our_network_outages_per_year = static_cast<double>(dice.below(100));
    c.rehearse.control_plane_outages_per_year = static_cast<double>(dice.below(100));
    c.rehearse.probe_loss = dice.unit() / 20;
    c.rehearse.unreachable = dice.unit();
    c.rehearse.activation_spread = dice.unit() * 2;
    const auto a = assumed(c);
    const auto faults = invent(s, a, year / 4, seed);
    check_sane(rehearse::rehearse(s, a, faults, year / 4, seed));
  }
}

TEST_CASE("history moves rates, lengths and successes towards what was seen") {
  auto c = quiet_config();
  c.rehearse.outages_per_year = 4;
  Past past;
  past.held[TargetId("home")] = std::chrono::duration_cast<Millis>(year);
  past.outages.push_back({TargetId("spare"), 10min});
  for (int i = 0; i < 20; ++i) past.outages.push_back({TargetId("home"), 10min});
  past.activations[TargetId("spare")] = {{false, 30s, {}}, {false, 30s, {}}};
  past.state_bytes = 5'000'000'000;
  const auto a = assume(c, c.services.front(), past, {});
  CHECK(a.targets[0].outages_per_year == Approx(22 / 1.5));
  CHECK(a.targets[0].outage == (20 * Millis(10min) + 2 * Millis(60min)) / 22);
  CHECK(a.targets[1].outages_per_year == Approx(4));  // it has held the service for no time
  CHECK(a.targets[1].activation_fails == Approx(0.5));
  CHECK(a.general.state_gb == Approx(5.0));
  CHECK(a.past_outages.size() == 20);
}

TEST_CASE("a failure before the first save loses what was done since the start") {
  const auto r = play(quiet_config(), {fault(What::down, 0, 2min, 1h, false)});
  CHECK(r.rpo.n == 1);
  CHECK(r.rpo.max == 2min);
}

TEST_CASE("a start brings the state once, however often the move asked for it") {
  auto c = quiet_config();
  for (auto& t : c.services.front().targets) t.price.transfer_per_gb = Usd{10.0};
  const auto r = play(c, {fault(What::down, 0, 1h, 1h)});
  REQUIRE(r.failbacks == 1);
  for (const auto& m : r.money) {
    CHECK(m.activations == 1);
    CHECK(m.transfer.value == Approx(1.0));
  }
}

TEST_CASE("a place that is down does not work, so two do not, whatever its provider says of it") {
  const auto r = play(quiet_config(), {fault(What::down, 0, 1h, 10h), fault(What::control_plane, 0, 1h, 10h)});
  CHECK(r.failovers == 1);
  CHECK(r.two_ran < 5min);  // from its repair until its provider can be asked to stop it
}

TEST_CASE("faults are drawn at their rate, and a failure domain can fail as one") {
  auto c = quiet_config();
  auto& s = c.services.front();
  s.targets[0].failure_domain = s.targets[1].failure_domain = "house";
  c.rehearse.outages_per_year = 10;
  c.rehearse.regional = 1;
  const auto a = assumed(c);
  const auto faults = invent(s, a, year * 200, 5);
  CHECK(std::ranges::is_sorted(faults, {}, &Fault::from));
  CHECK(faults.size() > 3'800);  // each has its 10 a year, also where the other began them
  CHECK(faults.size() < 4'200);
  for (std::size_t i = 0; i + 1 < faults.size(); i += 2) {
    CHECK(faults[i].from == faults[i + 1].from);
    CHECK(faults[i].target != faults[i + 1].target);
  }
}
