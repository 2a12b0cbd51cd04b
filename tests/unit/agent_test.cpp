// The supervisor's decisions: which order is obeyed, which snapshot it starts from, when it starts again.
#include "core/agent/orders.hpp"
#include "core/agent/report.hpp"
#include "core/agent/restarts.hpp"
#include "tests/catch.hpp"

#include <nlohmann/json.hpp>

using namespace understudy;
using namespace understudy::agent;

namespace {

using Verdict = Admission::Verdict;

ActivateOrder order(std::uint64_t epoch) {
  ActivateOrder out;
  out.epoch = Epoch{epoch};
  out.operation = "op" + std::to_string(epoch);
  return out;
}

Ledger at(std::uint64_t epoch, Ledger::Phase phase) {
  Ledger out;
  out.epoch = Epoch{epoch};
  out.phase = phase;
  return out;
}

SnapshotInfo snapshot(const std::string& id, std::uint64_t epoch, int minute, bool valid = true) {
  SnapshotInfo out;
  out.id = SnapshotId(id);
  out.epoch = Epoch{epoch};
  out.created = WallTime(Millis(minute * 60'000));
  out.valid = valid;
  return out;
}

}  // namespace

TEST_CASE("a supervisor obeys the newest epoch only") {
  using Phase = Ledger::Phase;
  CHECK(admit(at(0, Phase::none), order(1), false).verdict == Verdict::accept);
  CHECK(admit(at(4, Phase::active), order(5), true).verdict == Verdict::accept);
  CHECK(admit(at(5, Phase::active), order(5), true).verdict == Verdict::already);
  CHECK(admit(at(5, Phase::active), order(4), true).verdict == Verdict::stale);
  CHECK(admit(at(5, Phase::ended), order(5), false).verdict == Verdict::stale);
  CHECK(admit(at(5, Phase::failed), order(5), false).verdict == Verdict::accept);
  CHECK(admit(at(5, Phase::ended), order(6), false).verdict == Verdict::accept);
}

TEST_CASE("without an epoch only a person's force starts a workload, and it never goes back in epochs") {
  ActivateOrder by_hand;
  CHECK(admit(at(5, Ledger::Phase::ended), by_hand, false).verdict == Verdict::invalid);
  by_hand.force = true;
  const auto forced = admit(at(5, Ledger::Phase::ended), by_hand, false);
  CHECK(forced.verdict == Verdict::accept);
  CHECK(forced.epoch == Epoch{5});
  auto old = order(2);
  old.force = true;
  CHECK(admit(at(5, Ledger::Phase::ended), old, false).epoch == Epoch{5});
}

TEST_CASE("an old epoch cannot stop a newer one, a person can stop any") {
  DeactivateOrder stop;
  CHECK(admit(at(5, Ledger::Phase::active), stop).epoch == Epoch{5});
  stop.epoch = Epoch{4};
  CHECK(admit(at(5, Ledger::Phase::active), stop).verdict == Verdict::stale);
  stop.epoch = Epoch{7};
  CHECK(admit(at(5, Ledger::Phase::active), stop).epoch == Epoch{7});
}

TEST_CASE("the snapshot that is named is taken; a later one of the same epoch goes before it") {
  auto asked = order(3);
  asked.snapshot = SnapshotId("b");
  const std::vector<SnapshotInfo> stored{snapshot("c", 2, 3), snapshot("b", 2, 2), snapshot("a", 1, 1)};
  CHECK(choose(stored, asked, Epoch{3}).snapshot.value == "b");
  auto with_own = stored;
  with_own.push_back(snapshot("d", 3, 4));
  CHECK(choose(with_own, asked, Epoch{3}).snapshot.value == "d");
  asked.snapshot.reset();
  CHECK(choose(stored, asked, Epoch{3}).snapshot.value == "c");
}

TEST_CASE("a store with a newer epoch refuses the start, since another site has run the service") {
  const std::vector<SnapshotInfo> stored{snapshot("x", 9, 1)};
  auto asked = order(3);
  const auto refused = choose(stored, asked, Epoch{3});
  CHECK_FALSE(refused.ok);
  CHECK(refused.why.find("epoch 9") != std::string::npos);
  asked.force = true;
  CHECK(choose(stored, asked, Epoch{3}).snapshot.value == "x");
}

TEST_CASE("only a whole snapshot of a newer epoch shows that another site has run") {
  CHECK(ran_elsewhere({snapshot("x", 9, 1), snapshot("a", 2, 1)}, Epoch{8}));
  CHECK_FALSE(ran_elsewhere({snapshot("x", 9, 1)}, Epoch{9}));
  CHECK_FALSE(ran_elsewhere({snapshot("x", 9, 1, false)}, Epoch{8}));
  CHECK_FALSE(ran_elsewhere({}, Epoch{8}));
}

TEST_CASE("a missing or damaged snapshot is an error, an empty store only when nobody said so") {
  auto asked = order(3);
  asked.snapshot = SnapshotId("b");
  CHECK_FALSE(choose({snapshot("b", 2, 2, false), snapshot("a", 2, 1)}, asked, Epoch{3}).ok);
  asked.snapshot = SnapshotId("");
  CHECK(choose({}, asked, Epoch{3}).ok);
  asked.snapshot.reset();
  CHECK_FALSE(choose({}, asked, Epoch{3}).ok);
}

TEST_CASE("it is started again after 5, 10 and 20 s, then given up; a long run begins anew") {
  Restarts restarts({Millis(5'000), Millis(10'000), Millis(20'000)}, Millis(60'000));
  CHECK(restarts.ended(Millis(10)) == Millis(5'000));
  CHECK(restarts.ended(Millis(10)) == Millis(10'000));
  CHECK(restarts.ended(Millis(60'000)) == Millis(5'000));
  CHECK(restarts.ended(Millis(10)) == Millis(10'000));
  CHECK(restarts.ended(Millis(10)) == Millis(20'000));
  CHECK_FALSE(restarts.ended(Millis(10)).has_value());
}

TEST_CASE("what a supervisor tells: 503 only when the workload ought to serve and does not") {
  Facts facts;
  facts.service = "trader";
  CHECK(http_status_of(facts) == 200);
  CHECK(to_json(facts).at("status") == "standby");
  facts.mode = Mode::active;
  facts.work = Work::running;
  CHECK(to_json(facts).at("status") == "healthy");
  facts.work = Work::failed;
  CHECK(http_status_of(facts) == 503);
  const auto metrics = to_metrics(facts);
  CHECK(metrics.find("understudy_workload_failed{service=\"trader\"} 1") != std::string::npos);
}
