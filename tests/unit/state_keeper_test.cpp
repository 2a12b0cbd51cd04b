// What is asked of a store, and in which order, before a target may start from what it holds.
#include <filesystem>

#include <unistd.h>

#include "core/answers/store.hpp"
#include "core/model/epoch_from.hpp"
#include "core/state/state_keeper.hpp"
#include "tests/catch.hpp"

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

using namespace understudy;
namespace fs = std::filesystem;

namespace {

using Methods = std::vector<std::string>;

sdk::Result failed(sdk::Status status, const std::string& message) { return {{}, {status, message, {}, {}, {}}}; }

sdk::Json snapshot(const std::string& id, std::uint64_t epoch) {
  return {{"id", id}, {"epoch", epoch}, {"created_ms", 1000 + epoch}, {"bytes", 1}, {"files", 1}};
}

/// Answers at once; keeps what it was asked.
class FakeStore final : public plugins::Instance {
 public:
  struct Script {
    bool can_seal = true;
    sdk::Json snapshots = sdk::Json::array({snapshot("a", 1), snapshot("b", 2)});
    sdk::Result sealed{{{"epoch", 3}}};
    std::string damaged;  ///< the snapshot that does not verify
    std::vector<std::pair<std::string, sdk::Json>> asked;
    Done push;  ///< one that is not answered yet
    bool slow = false;
    Done verify;  ///< when it is slow: likewise
    std::vector<Ticket> cancelled;
  };
  explicit FakeStore(Script& script) : script_(script) {}

  Ticket call(std::string_view method, const sdk::Json& params, Millis, Done done) override {
    script_.asked.emplace_back(method, params);
    if (method == "store.push/1") {
      script_.push = std::move(done);
      return 7;
    }
    if (method == "store.verify/1" && script_.slow) {
      script_.verify = std::move(done);
      return 8;
    }
    (void)plugins::hand_over(done, answer(method, params));
    return 0;
  }
  void cancel(Ticket ticket) override { script_.cancelled.push_back(ticket); }
  void on_notify(OnNotify) override {}
  [[nodiscard]] bool offers(std::string_view method) const override {
    return method != "store.fence/1" || script_.can_seal;
  }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& plugin() const override { return name_; }

 private:
  [[nodiscard]] sdk::Result answer(std::string_view method, const sdk::Json& params) const {
    if (method == "store.fence/1") return script_.sealed;
    if (method == "store.list/1") return {{{"snapshots", script_.snapshots}}};
    if (params.at("id") == script_.damaged) return failed(sdk::Status::invalid, "a file is missing");
    return {snapshot(params.at("id"), 0)};
  }
  Script& script_;
  std::string name_ = "fake";
};

struct Keeping {
  FakeStore::Script script;
  config::Service service;
  config::Target target;  ///< keeps nothing here: a snapshot is only verified
  boost::asio::io_context loop;
  host::Logger log{"error", "text"};
  fs::path work = fs::temp_directory_path() / ("understudy-keeper-" + std::to_string(::getpid()));
  std::unique_ptr<state::StateKeeper> keeper;

  Keeping() {
    service.id = ServiceId("counter");
    service.state.emplace();
    target.id = TargetId("spare");
  }

  std::vector<SnapshotId> remembered;

  void open() {
    const state::StateKeeper::Tools tools{loop, log, [this](const std::vector<SnapshotInfo>& all) {
                                            for (const auto& s : all) remembered.push_back(s.id);
                                          }};
    keeper = std::make_unique<state::StateKeeper>(tools, service, work, std::make_unique<FakeStore>(script));
    script.asked.clear();
    remembered.clear();
  }

  state::StateKeeper::Answer prepare(const state::StateKeeper::Bringing& what) {
    if (!keeper) open();
    std::optional<state::StateKeeper::Answer> out;
    keeper->prepare(target, what, [&](const state::StateKeeper::Answer& a) { out = a; });
    REQUIRE(out);
    return *out;
  }
  [[nodiscard]] Methods asked() const {
    Methods out;
    for (const auto& [method, params] : script.asked) out.push_back(method);
    return out;
  }
};

state::StateKeeper::Bringing sealed_with(std::uint64_t epoch) { return {{}, Epoch{2}, Epoch{epoch}, {}}; }

}  // namespace

TEST_CASE("an epoch that no service can have come to does not count, whoever tells it") {
  CHECK(epoch_from(7) == Epoch{7});
  CHECK_FALSE(epoch_from(static_cast<std::uint64_t>(-1)));
  const auto damaged = answers::snapshot(sdk::Json{{"id", "a"}, {"epoch", -1}});
  CHECK(damaged.epoch == Epoch{0});
  CHECK_FALSE(damaged.valid);
  CHECK(damaged.problem == "its epoch is an impossible number");
  const auto good = answers::snapshot(snapshot("b", 9));
  CHECK(good.epoch == Epoch{9});
  CHECK(good.valid);
}

TEST_CASE("a store refuses what is older before it is looked what it holds") {
  Keeping k;
  const auto brought = k.prepare(sealed_with(3));
  CHECK(brought.ok);
  CHECK(brought.snapshot.id == SnapshotId("b"));
  CHECK(k.asked() == Methods{"store.fence/1", "store.list/1", "store.verify/1"});
  CHECK(k.script.asked.front().second == sdk::Json{{"service", "counter"}, {"epoch", 3}});
}

TEST_CASE("a store is asked to refuse nothing while the former holder may still save") {
  Keeping k;
  CHECK(k.prepare({{}, Epoch{2}}).ok);
  CHECK(k.asked() == Methods{"store.list/1", "store.verify/1"});
}

TEST_CASE("a store whose plugin cannot refuse older epochs serves as before") {
  Keeping k;
  SECTION("its manifest does not offer it") {
    k.script.can_seal = false;
    CHECK(k.prepare(sealed_with(3)).ok);
    CHECK(k.asked() == Methods{"store.list/1", "store.verify/1"});
  }
  SECTION("it says so when it is asked") {
    k.script.sealed = failed(sdk::Status::unsupported, "not with this bucket");
    CHECK(k.prepare(sealed_with(3)).ok);
  }
}

TEST_CASE("when a store cannot be made to refuse older epochs nothing is brought, and the reason is said") {
  Keeping k;
  SECTION("it does not answer") {
    k.script.sealed = failed(sdk::Status::transient, "the bucket is busy");
    CHECK(k.prepare(sealed_with(3)).detail ==
          "the store could not be made to refuse what is older than epoch 3: the bucket is busy");
  }
  SECTION("it answers with an epoch that was not asked") {
    k.script.sealed = {{{"epoch", 2}}};
    CHECK_THAT(k.prepare(sealed_with(3)).detail, ContainsSubstring("it answered another epoch"));
  }
  SECTION("its answer cannot be read") {
    k.script.sealed = {{{"epoch", "three"}}};
    CHECK_THAT(k.prepare(sealed_with(3)).detail, ContainsSubstring("wrong type"));
  }
  SECTION("it knows a newer epoch: somebody else decides here too") {
    k.script.sealed = failed(sdk::Status::conflict, "epoch 9 is sealed");
    const auto brought = k.prepare(sealed_with(3));
    CHECK(brought.status == sdk::Status::conflict);
    CHECK(brought.detail ==
          "the store knows a newer epoch than 3: another orchestrator may be using it (epoch 9 is sealed)");
  }
  CHECK(k.asked() == Methods{"store.fence/1"});
}

TEST_CASE("what stands at the target already is not brought again") {
  Keeping k;
  state::StateKeeper::Bringing what = sealed_with(3);
  what.have = SnapshotId("b");
  const auto brought = k.prepare(what);
  CHECK(brought.ok);
  CHECK(brought.snapshot.id == SnapshotId("b"));
  CHECK(brought.snapshot.epoch == Epoch{2});
  CHECK(k.asked() == Methods{"store.fence/1", "store.list/1"});
}

TEST_CASE("a newer snapshot is brought over what stands at the target, unless it is damaged") {
  Keeping k;
  state::StateKeeper::Bringing what = sealed_with(3);
  what.have = SnapshotId("a");
  SECTION("it verifies") { CHECK(k.prepare(what).snapshot.id == SnapshotId("b")); }
  SECTION("it is damaged") {
    k.script.damaged = "b";
    CHECK(k.prepare(what).snapshot.id == SnapshotId("a"));
  }
  CHECK(k.asked() == Methods{"store.fence/1", "store.list/1", "store.verify/1"});
}

TEST_CASE("a save in time gives way to a failover, however far it is; one for a failover does not") {
  Keeping k;
  k.open();
  std::optional<state::StateKeeper::Answer> saved;
  const bool urgent = GENERATE(false, true);
  k.keeper->push(k.target, Epoch{2}, Millis(3'600'000), urgent, [&](const auto& answer) { saved = answer; });
  REQUIRE_FALSE(saved);
  std::optional<state::StateKeeper::Answer> brought;
  k.keeper->prepare(k.target, sealed_with(3), [&](const auto& answer) { brought = answer; });
  CHECK(brought.has_value() == !urgent);
  if (urgent) return;
  CHECK(brought->snapshot.id == SnapshotId("b"));
  REQUIRE(saved);
  CHECK(saved->status == sdk::Status::cancelled);
  CHECK(k.script.cancelled == std::vector<plugins::Instance::Ticket>{7});
  // It was done all the same: that is known, and nobody is told twice.
  saved.reset();
  (void)plugins::hand_over(k.script.push, {snapshot("late", 2)});
  CHECK_FALSE(saved);
  CHECK(k.remembered == std::vector{SnapshotId("late")});
}

TEST_CASE("what is brought while the old site is being stopped gives way to its last save; what is sealed does not") {
  Keeping k;
  k.open();
  k.script.slow = true;
  const bool sealed = GENERATE(false, true);
  std::optional<state::StateKeeper::Answer> brought, saved;
  k.keeper->prepare(k.target, sealed ? sealed_with(3) : state::StateKeeper::Bringing{{}, Epoch{2}},
                    [&](const auto& answer) { brought = answer; });
  REQUIRE_FALSE(brought);
  k.keeper->push(k.target, Epoch{2}, Millis(60'000), true, [&](const auto& answer) { saved = answer; });
  CHECK(brought.has_value() == !sealed);
  CHECK((k.asked().back() == "store.push/1") == !sealed);
  if (sealed) return;
  CHECK(brought->status == sdk::Status::cancelled);
  CHECK(k.script.cancelled == std::vector<plugins::Instance::Ticket>{8});
  (void)plugins::hand_over(k.script.verify, {snapshot("b", 2)});  // too late: nobody is told twice
  (void)plugins::hand_over(k.script.push, {snapshot("c", 2)});
  REQUIRE(saved);
  CHECK(saved->snapshot.id == SnapshotId("c"));
}

TEST_CASE("a restore that hangs at the store gives way to the one that is asked for next") {
  Keeping k;
  k.open();
  k.script.slow = true;
  const bool sealed = GENERATE(false, true);
  std::optional<state::StateKeeper::Answer> first, second;
  k.keeper->prepare(k.target, sealed ? sealed_with(3) : state::StateKeeper::Bringing{{}, Epoch{2}},
                    [&](const auto& answer) { first = answer; });
  REQUIRE_FALSE(first);
  const auto hangs = std::exchange(k.script.verify, {});
  k.keeper->prepare(k.target, sealed_with(3), [&](const auto& answer) { second = answer; });
  REQUIRE(first);
  CHECK(first->status == sdk::Status::cancelled);
  first.reset();
  (void)plugins::hand_over(hangs, {snapshot("b", 2)});  // too late: nobody is told twice
  CHECK_FALSE(first);
  REQUIRE_FALSE(second);
  (void)plugins::hand_over(k.script.verify, {snapshot("b", 2)});
  REQUIRE(second);
  CHECK(second->snapshot.id == SnapshotId("b"));
}
