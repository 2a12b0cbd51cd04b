// Random events in random order, with crashes between them: what must always hold, holds. The seed is printed.
#include <random>
#include <set>

#include "tests/catch.hpp"
#include "tests/unit/failover_world.hpp"

using namespace understudy;
using namespace understudy::failover;

namespace {

constexpr int runs = 400, steps = 120;
const TargetId targets[] = {TargetId("home"), TargetId("spare"), TargetId("cloud")};

config::Service service(bool with_state) {
  config::Service s;
  s.id = ServiceId("svc");
  s.primary = targets[0];
  for (const auto& id : targets) {
    config::Target t;
    t.id = id;
    if (with_state) t.paths = {"/x"};
    s.targets.push_back(t);
  }
  if (with_state) {
    s.state.emplace();
    s.state->paths = {"/x"};
  }
  s.limits.max_failovers = 1000;
  return s;
}

/// Sites that really run: changed by what the machine asks, answered truthfully, late or not at all.
class Sites {
 public:
  std::set<TargetId> running;
  std::uint64_t highest = 0;

  void take(test::World& w, std::mt19937_64& random, std::vector<Event>& answers) {
    INFO(w.told);
    for (const auto& e : w.effects) {
      if (const auto* f = std::get_if<Fence>(&e)) {
        const bool stops = random() % 4 != 0;
        if (stops) running.erase(f->target);
        answers.emplace_back(Fenced{f->operation, f->target, stops && random() % 5 != 0, ""});
      } else if (const auto* a = std::get_if<Activate>(&e)) {
        start(*a, random, answers);
      } else if (const auto* s = std::get_if<Save>(&e)) {
        SnapshotInfo info{SnapshotId("s" + std::to_string(++snapshots_)), {}, w.wall, 1, 1, true, ""};
        answers.emplace_back(Saved{s->operation, random() % 5 != 0, info, ""});
      } else if (const auto* p = std::get_if<Prepare>(&e)) {
        SnapshotInfo info{p->snapshot.empty() ? SnapshotId("s" + std::to_string(snapshots_)) : p->snapshot,
                          {},
                          w.wall,
                          1,
                          1,
                          true,
                          ""};
        answers.emplace_back(Prepared{p->operation, random() % 5 != 0, info, ""});
      } else if (std::holds_alternative<MakePlan>(e)) {
        PlanMade made;
        for (const auto& t : targets) {
          if (t != w.state.active && random() % 4 != 0) made.ranked.push_back(t);
        }
        answers.emplace_back(made);
      } else if (const auto* o = std::get_if<Observe>(&e)) {
        answers.emplace_back(Observed{o->target,
                                      running.contains(o->target) ? SiteState::active : SiteState::stopped,
                                      {},
                                      random() % 6 != 0,
                                      true,
                                      ""});
      }
    }
  }

 private:
  int snapshots_ = 0;

  void start(const Activate& a, std::mt19937_64& random, std::vector<Event>& answers) {
    REQUIRE(a.epoch.value >= highest);  // I2: epochs only rise
    highest = a.epoch.value;
    // I1: nobody else may run when one is started.
    for (const auto& t : running) {
      INFO("running " << t.value << ", starting " << a.target.value);
      REQUIRE(t == a.target);
    }
    const auto luck = random() % 6;
    if (luck >= 2) running.insert(a.target);
    const auto status = luck == 0 ? sdk::Status::transient : luck <= 2 ? sdk::Status::unknown : sdk::Status::ok;
    answers.emplace_back(Activated{a.operation, a.target, status, ""});
  }
};

Event some_event(test::World& w, std::mt19937_64& random, const Sites& sites) {
  const auto& target = targets[random() % 3];
  switch (random() % 5) {
    case 0:
      return HealthSeen{target, sites.running.contains(target) && random() % 3 != 0 ? Verdict::up : Verdict::down,
                        false, ""};
    case 1:
      return Observed{target, sites.running.contains(target) ? SiteState::active : SiteState::stopped,
                      {},     random() % 6 != 0,
                      true,   ""};
    case 2: {
      Command c;
      c.what = static_cast<Command::What>(random() % 4);
      c.target = random() % 2 ? target : TargetId();
      if (c.what != Command::What::promote) c.target = TargetId();
      c.pause_for = Millis(60'000);
      return c;
    }
    default:
      return HealthSeen{w.state.active, sites.running.contains(w.state.active) ? Verdict::up : Verdict::down, false,
                        ""};
  }
}

void run(std::uint64_t seed) {
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  test::World w;
  w.service = service(random() % 2 != 0);
  Sites sites;
  std::vector<Event> answers;
  sites.running = {targets[0]};
  const auto settle = [&] { sites.take(w, random, answers); };
  w.tell(Started{true});
  settle();
  for (int i = 0; i < steps; ++i) {
    if (!answers.empty() && random() % 3 != 0) {
      const auto at = random() % answers.size();  // late and out of order
      const Event e = answers[at];
      answers.erase(answers.begin() + static_cast<std::ptrdiff_t>(at));
      w.tell(e);
    } else if (random() % 12 == 0) {
      answers.clear();  // a crash: what was under way is lost
      w.restart();
    } else if (random() % 3 == 0) {
      w.wait(Millis(random() % 200'000));
    } else {
      w.tell(some_event(w, random, sites));
    }
    settle();
  }
  // With faults over, it comes to rest within bounded time: one site, active. (A person ends holds and pauses.)
  for (int i = 0; i < 400 && w.state.phase != Phase::active; ++i) {
    while (!answers.empty()) {
      const Event e = answers.front();
      answers.erase(answers.begin());
      w.tell(e);
      sites.take(w, random, answers);
    }
    w.wait(Millis(30'000));
    sites.take(w, random, answers);
    if (w.state.phase == Phase::hold || w.state.phase == Phase::paused) {
      Command c;
      c.what = Command::What::resume;
      w.tell(c);
      sites.take(w, random, answers);
    }
    if (w.state.phase == Phase::verify) {
      w.tell(HealthSeen{w.state.move->to, sites.running.contains(w.state.move->to) ? Verdict::up : Verdict::down, false,
                        ""});
      sites.take(w, random, answers);
    }
  }
  INFO("ended in " << to_string(w.state.phase));
  REQUIRE(w.state.phase == Phase::active);
}

}  // namespace

TEST_CASE("under random events, lost answers and crashes no second site is started and epochs only rise") {
  const auto base = static_cast<std::uint64_t>(20261120);
  for (int i = 0; i < runs; ++i) run(base + static_cast<std::uint64_t>(i));
}
