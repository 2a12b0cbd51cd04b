// Leases in the machine: when waiting proves a stop, and when it does not.
#include <algorithm>

#include "tests/catch.hpp"
#include "tests/unit/failover_world.hpp"

using namespace understudy;
using namespace understudy::failover;
using Verdict_ = lease::Judgement::Verdict;

namespace {

const TargetId home("home"), spare("spare");

struct Leased : test::World {
  explicit Leased(bool leased = true) {
    service.id = ServiceId("svc");
    service.primary = home;
    for (const auto& id : {home, spare}) {
      config::Target t;
      t.id = id;
      t.lease = leased;
      service.targets.push_back(t);
    }
    state.epoch = Epoch{4};
    tell(Started{true});
    tell(Observed{home, SiteState::active, Epoch{4}, true, true, ""});
    tell(Observed{spare, SiteState::stopped, {}, true, true, ""});
    REQUIRE(state.phase == Phase::active);
    REQUIRE(state.active == home);
  }

  LeaseAnswer renew(const TargetId& target, Epoch epoch, bool holds_over = false, Millis kill = Millis(5'000)) {
    tell(LeaseAsked{7, {target, epoch, kill, holds_over}});
    for (const auto& e : effects) {
      if (const auto* answer = std::get_if<LeaseAnswer>(&e)) return *answer;
    }
    FAIL("no answer");
    return {};
  }

  void home_is_lost() {
    tell(HealthSeen{home, Verdict::down, false, "no route"});
    tell(PlanMade{{spare}, false, "the only one", ""});
    REQUIRE(state.phase == Phase::fence);
    tell(Fenced{operation("fence"), home, false, "no route"});
  }

  [[nodiscard]] const Alert* told(std::string_view kind) const {
    for (const auto& e : effects) {
      if (const auto* tell = std::get_if<Tell>(&e); tell != nullptr && tell->alert.kind == kind) return &tell->alert;
    }
    return nullptr;
  }
  [[nodiscard]] bool tells_of_a_missing_lease() const { return told("lease.missing") != nullptr; }

  [[nodiscard]] bool activates(const TargetId& target) const {
    for (const auto& e : effects) {
      if (const auto* a = std::get_if<Activate>(&e); a != nullptr && a->target == target) return true;
    }
    return false;
  }
};

}  // namespace

TEST_CASE("an agent that needs longer to end its workload than the file says is told of, once") {
  Leased w;
  w.renew(home, w.state.epoch);
  CHECK(w.told("lease.kill_time") == nullptr);
  w.renew(home, w.state.epoch, false, Millis(60'000));
  const auto* alert = w.told("lease.kill_time");
  REQUIRE(alert != nullptr);
  CHECK(alert->title == "home needs 60 s to end its workload, more than the file has");
  CHECK(alert->text.find("its lease has ended after 76 s: kill_time in [service.svc.lease] is 5 s") !=
        std::string::npos);
  w.renew(home, w.state.epoch, false, Millis(60'000));
  CHECK(w.told("lease.kill_time") == nullptr);
}

TEST_CASE("who holds the newest epoch renews, and nobody else") {
  Leased w;
  const auto granted = w.renew(home, w.state.epoch);
  CHECK(granted.judgement.verdict == Verdict_::granted);
  CHECK(granted.ttl == Millis(12'000));
  CHECK(granted.id == 7);
  CHECK(w.renew(home, Epoch{w.state.epoch.value - 1}).judgement.verdict == Verdict_::stale);
  CHECK(w.renew(home, w.state.epoch.next()).judgement.verdict == Verdict_::stale);
  CHECK(w.renew(spare, w.state.epoch).judgement.verdict == Verdict_::stranger);
}

TEST_CASE("while nobody knows where the service runs, a renewal is neither granted nor refused") {
  test::World w;
  w.service.id = ServiceId("svc");
  w.service.primary = home;
  w.service.targets.resize(1);
  w.service.targets.front().id = home;
  w.tell(Started{true});
  w.tell(LeaseAsked{1, {home, Epoch{4}, {}, false}});
  const auto& answer = std::get<LeaseAnswer>(w.effects.back());
  CHECK(answer.judgement.verdict == Verdict_::undecided);
  CHECK(answer.ttl == Millis(0));
}

TEST_CASE("an unreachable holder that renewed is left to its lease: after W the standby is promoted") {
  Leased w;
  (void)w.renew(home, w.state.epoch);
  const auto ended = w.state.epoch;
  w.home_is_lost();
  CHECK(w.renew(home, ended).judgement.verdict == Verdict_::revoked);
  w.wait(Millis(19'000));
  CHECK(w.state.phase == Phase::fence);
  CHECK_FALSE(w.activates(spare));
  w.wait(Millis(1'500));  // W is 20 s
  CHECK(w.activates(spare));
  CHECK(w.state.epoch == ended.next());
  CHECK(w.renew(home, ended).judgement.verdict == Verdict_::stale);
  CHECK(w.renew(spare, w.state.epoch).judgement.verdict == Verdict_::granted);
}

TEST_CASE("a confirmed stop skips the wait") {
  Leased w;
  (void)w.renew(home, w.state.epoch);
  w.tell(HealthSeen{home, Verdict::down, false, ""});
  w.tell(PlanMade{{spare}, false, "", ""});
  w.tell(Fenced{w.operation("fence"), home, true, "stopped"});
  CHECK(w.activates(spare));
}

TEST_CASE("waiting proves nothing of a holder that never renewed, that holds over, or that has no lease in the file") {
  const int which = GENERATE(0, 1, 2);
  Leased w(which != 2);
  if (which != 0) (void)w.renew(home, w.state.epoch, which == 1);
  w.home_is_lost();
  w.wait(Millis(600'000));
  CHECK_FALSE(w.activates(spare));
  CHECK(w.state.phase == Phase::hold);
  CHECK(w.state.blocked->by == "fence");
}

TEST_CASE("after a crash the wait starts again from zero") {
  Leased w;
  (void)w.renew(home, w.state.epoch);
  w.home_is_lost();
  w.wait(Millis(15'000));
  w.restart();
  w.wait(Millis(15'000));
  CHECK_FALSE(w.activates(spare));
  w.wait(Millis(6'000));
  CHECK(w.activates(spare));
}

TEST_CASE("the wait covers the longest lease and the slowest kill that the guard told of") {
  Leased w;
  w.service.lease.ttl = Millis(60'000);
  (void)w.renew(home, w.state.epoch, false, Millis(30'000));
  w.service.lease.ttl = Millis(12'000);  // a new file
  (void)w.renew(home, w.state.epoch);
  w.home_is_lost();
  w.wait(Millis(94'000));  // (60/0.99 + 30) * 1.01 + 2 = 93.5 -> 94; the retries' time is in it
  CHECK(w.activates(spare));
  Leased other;
  other.service.lease.ttl = Millis(60'000);
  (void)other.renew(home, other.state.epoch, false, Millis(30'000));
  other.service.lease.ttl = Millis(12'000);
  other.home_is_lost();
  other.wait(Millis(90'000));
  CHECK_FALSE(other.activates(spare));
}

TEST_CASE("a verified run that did not renew is told, and its older lease counts no more") {
  Leased w;
  (void)w.renew(home, w.state.epoch);
  w.state.guards[spare] = {Epoch{1}, Millis(12'000), Millis(5'000), false};
  w.tell(HealthSeen{home, Verdict::down, false, ""});
  w.tell(PlanMade{{spare}, false, "", ""});
  w.tell(Fenced{w.operation("fence"), home, true, ""});
  w.tell(Activated{w.operation("activate"), spare, sdk::Status::ok, ""});
  w.tell(HealthSeen{spare, Verdict::up, false, ""});
  CHECK(w.state.phase == Phase::active);
  CHECK_FALSE(w.state.guards.contains(spare));
  CHECK(w.tells_of_a_missing_lease());
  w.effects.clear();
  w.tell(Observed{spare, SiteState::active, w.state.epoch, true, true, ""});
  CHECK_FALSE(w.tells_of_a_missing_lease());
}

TEST_CASE("a holder that serves on after its lease has run out is told, and nobody waits for a lease of it") {
  Leased w;
  (void)w.renew(home, w.state.epoch);
  const Time renewed = w.mono;
  const Millis longest = *lease_wait(w.service, w.state, home);
  const bool paused = GENERATE(false, true), by_news = GENERATE(false, true);
  if (paused) w.tell(Command{Command::What::pause, 1, {}, false, false, {}, Millis(36'000'000), "eve", "by hand"});
  w.wait(Millis(3'600'000));
  const auto passed = [&](std::optional<Time> at) {
    if (by_news) return w.tell(HealthSeen{home, Verdict::up, false, "", at});
    w.tell(Observed{home, SiteState::active, {}, true, true, "", {}, at});
  };
  SECTION("by the last round that its lease covered, or by its provider's word alone, nothing is known") {
    passed(renewed + longest - Millis(1));
    passed(std::nullopt);
    CHECK_FALSE(w.tells_of_a_missing_lease());
    CHECK(w.state.guards.contains(home));
  }
  SECTION("one that goes on without renewing proves nothing in any case") {
    (void)w.renew(home, w.state.epoch, true);
    passed(w.mono + Millis(3'600'000));
    CHECK_FALSE(w.tells_of_a_missing_lease());
    CHECK(w.state.guards.contains(home));
  }
  SECTION("by a round that was asked later") {
    passed(renewed + longest);
    CHECK(w.tells_of_a_missing_lease());
    if (paused) w.tell(Command{Command::What::resume, 2, {}, false, false, {}, {}, "eve", ""});
    w.home_is_lost();
    w.wait(Millis(600'000));
    CHECK_FALSE(w.activates(spare));
    CHECK(w.state.blocked->by == "fence");
  }
  SECTION("renewed again, its next loss is news") {
    passed(renewed + longest);
    (void)w.renew(home, w.state.epoch);
    passed(w.mono + longest);
    CHECK(w.tells_of_a_missing_lease());
  }
}

TEST_CASE("the news that a holder is down says of its last pass, too, whether it served without a lease") {
  Leased w;
  (void)w.renew(home, w.state.epoch);
  const bool without = GENERATE(true, false);
  const Time asked = w.mono + (without ? *lease_wait(w.service, w.state, home) : Millis(0));
  w.wait(Millis(3'600'000));
  w.tell(HealthSeen{home, Verdict::down, false, "no route", asked});
  w.tell(PlanMade{{spare}, false, "the only one", ""});
  w.tell(Fenced{w.operation("fence"), home, false, "no route"});
  w.wait(Millis(600'000));
  CHECK(w.activates(spare) != without);
}

TEST_CASE("the same where the epoch was raised in place, and what runs there has it without a lease") {
  Leased w;
  (void)w.renew(home, w.state.epoch);
  w.state.epoch = w.state.epoch.next();
  w.wait(Millis(3'600'000));
  w.tell(HealthSeen{home, Verdict::up, false, "", w.mono});
  CHECK_FALSE(w.state.guards.contains(home));
}

TEST_CASE("what is taken to run already and does not renew is told, once it runs with the epoch that it was told") {
  Leased w;
  w.effects.clear();
  w.tell(Observed{home, SiteState::active, Epoch{4}, true, true, ""});
  CHECK_FALSE(w.tells_of_a_missing_lease());
  const bool renews = GENERATE(true, false);
  if (renews) (void)w.renew(home, w.state.epoch);
  w.tell(Observed{home, SiteState::active, w.state.epoch, true, true, ""});
  CHECK(w.tells_of_a_missing_lease() != renews);
  w.effects.clear();
  w.tell(Observed{home, SiteState::active, w.state.epoch, true, true, ""});
  CHECK_FALSE(w.tells_of_a_missing_lease());
}

TEST_CASE("what runs without an agent refuses the epoch that it is told in place: nobody will renew it") {
  Leased w;
  const bool renews = GENERATE(true, false);
  if (renews) (void)w.renew(home, w.state.epoch);
  w.tell(Activated{w.operation("activate"), home, sdk::Status::conflict, "it runs already, with epoch 4"});
  CHECK(w.tells_of_a_missing_lease() != renews);
}

TEST_CASE("what is taken to run already learns its new epoch when it has a lease") {
  Leased w;
  CHECK(w.state.epoch == Epoch{5});
  CHECK(w.operation("activate") == "svc-activate-e5-1");
  Leased plain(false);
  CHECK(plain.operation("activate").empty());
}

TEST_CASE("a site that offers neither a stop nor a lease: the file says what is done") {
  Leased w(false);
  const bool promote = GENERATE(true, false);
  w.service.on_unfenceable = promote ? config::Unfenceable::promote : config::Unfenceable::hold;
  w.tell(HealthSeen{home, Verdict::down, false, ""});
  w.tell(PlanMade{{spare}, false, "", ""});
  w.tell(Fenced{w.operation("fence"), home, false, "it has no stop", true});
  CHECK(w.activates(spare) == promote);
  if (!promote) CHECK(w.state.blocked->by == "unfenceable");
}

TEST_CASE("what is known of guards survives a restart") {
  Leased w;
  (void)w.renew(home, w.state.epoch, true, Millis(3'000));
  const auto before = w.state.guards;
  w.restart();
  CHECK(w.state.guards == before);
  CHECK(w.state.guards.at(home).holds_over);
}
