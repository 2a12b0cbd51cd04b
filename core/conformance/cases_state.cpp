// Rules of a StateStore. Snapshots are pushed for a service named after the run, and pruned in the end.
#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "core/conformance/case.hpp"
#include "core/conformance/tree.hpp"
#include "core/host/child.hpp"

#include <poll.h>
#include <unistd.h>

namespace understudy::conformance {
namespace {

using sdk::Json;
namespace fs = std::filesystem;

class Store {
 public:
  /// `part`: a service of its own within the run, so that cases do not see one another's snapshots.
  Store(Bench& bench, const std::string& part)
      : bench_(bench), subject_(bench), service_(bench.run + "-" + part), state_(bench.scratch / "state") {
    make_tree(state_, bench.random);
  }
  ~Store() {
    try {
      sweep();
    } catch (...) {  // NOLINT(bugprone-empty-catch): the case's own verdict counts
    }
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Ids sort by time, as the core makes them.
  [[nodiscard]] std::string new_id(std::uint64_t epoch) {
    return fmt::format("20260102T{:06}.000Z-e{}", ++count_, epoch);
  }
  [[nodiscard]] Json push_params(const std::string& id, std::uint64_t epoch) const {
    return {{"service", service_},
            {"id", id},
            {"epoch", epoch},
            {"paths", {{{"name", "state"}, {"path", state_.string()}}}}};
  }
  [[nodiscard]] sdk::Result push(const std::string& id, std::uint64_t epoch, Millis budget = Millis(120'000)) {
    return subject_.call("store.push/1", push_params(id, epoch), budget);
  }
  std::string pushed(std::uint64_t epoch) {
    const auto id = new_id(epoch);
    const auto r = push(id, epoch);
    expect(r.ok(), "push was answered " + std::string(sdk::name_of(r.error.status)) + ": " + r.error.message);
    expect(r.value.value("id", "") == id, "push answered the snapshot \"" + r.value.value("id", "") + "\", not " + id);
    return id;
  }
  [[nodiscard]] sdk::Result pull(const std::string& id, const fs::path& staging) {
    fs::create_directories(staging);
    return subject_.call("store.pull/1", {{"service", service_}, {"id", id}, {"staging", staging.string()}},
                         Millis(120'000));
  }
  void pulls_the_same(const std::string& id, const fs::path& expected, const std::string& name) {
    const auto staging = bench_.scratch / name;
    const auto r = pull(id, staging);
    expect(r.ok(), "pull was answered " + std::string(sdk::name_of(r.error.status)) + ": " + r.error.message);
    expect(fs::exists(staging / "state"), "after pull there is no \"state\" in the staging folder");
    const auto other = difference(expected, staging / "state");
    expect(other.empty(), "what was pulled is not what was pushed: " + other);
  }
  [[nodiscard]] std::vector<Json> list() {
    return subject_.get("store.list/1", {{"service", service_}})
        .value("snapshots", Json::array())
        .get<std::vector<Json>>();
  }
  [[nodiscard]] std::vector<std::string> ids(bool valid_only = true) {
    std::vector<std::string> out;
    for (const auto& s : list()) {
      if (!valid_only || s.value("valid", true)) out.push_back(s.value("id", ""));
    }
    return out;
  }
  [[nodiscard]] sdk::Result verify(const std::string& id) {
    return subject_.call("store.verify/1", {{"service", service_}, {"id", id}}, Millis(120'000));
  }
  [[nodiscard]] Json prune(int keep_at_least, bool dry_run) {
    return subject_.get(
        "store.prune/1",
        {{"service", service_}, {"keep_days", 0}, {"keep_at_least", keep_at_least}, {"dry_run", dry_run}});
  }
  [[nodiscard]] Json fence_params(std::uint64_t epoch) const { return {{"service", service_}, {"epoch", epoch}}; }
  [[nodiscard]] sdk::Result fence(std::uint64_t epoch) { return subject_.call("store.fence/1", fence_params(epoch)); }
  void fenced(std::uint64_t epoch) {
    const auto r = fence(epoch);
    expect(r.ok(), "fence was answered " + std::string(sdk::name_of(r.error.status)) + ": " + r.error.message);
    expect(r.value.value("epoch", std::uint64_t{0}) == epoch, "fence answered another epoch than it was asked for");
  }
  void sweep() { (void)prune(0, false); }
  [[nodiscard]] const fs::path& state() const noexcept { return state_; }
  [[nodiscard]] const std::string& service() const noexcept { return service_; }
  [[nodiscard]] Subject& subject() noexcept { return subject_; }

 private:
  Bench& bench_;
  Subject subject_;
  std::string service_;
  fs::path state_;
  int count_ = 0;
};

bool empty(const fs::path& folder) { return !fs::exists(folder) || fs::is_empty(folder); }

void round_trip(Bench& bench) {
  Store store(bench, "round");
  const auto id = store.pushed(1);
  store.pulls_the_same(id, store.state(), "pulled");
}

void history(Bench& bench) {
  Store store(bench, "history");
  const auto first_state = bench.scratch / "first";
  fs::copy(store.state(), first_state, fs::copy_options::recursive);
  const auto first = store.pushed(1);
  change_tree(store.state(), bench.random);
  const auto second = store.pushed(1);
  const auto listed = store.ids();
  expect(listed == std::vector<std::string>{second, first}, "the list is not the two snapshots, newest first");
  store.pulls_the_same(first, first_state, "pulled-first");
  store.pulls_the_same(second, store.state(), "pulled-second");
}

void listed(Bench& bench) {
  Store store(bench, "listed");
  const auto id = store.pushed(7);
  const auto all = store.list();
  expect(all.size() == 1, "one snapshot was pushed, and the list has " + std::to_string(all.size()));
  const auto& s = all.front();
  expect(s.value("id", "") == id && s.value("valid", false), "what was pushed is not listed as valid");
  expect(s.value("epoch", 0) == 7, "the list has lost the epoch");
  expect(s.value("bytes", std::int64_t{0}) > 700'000, "the list has the wrong size");
  expect(s.value("created_ms", std::int64_t{0}) > 0, "the list has no time of creation");
}

void verifies(Bench& bench) {
  Store store(bench, "verify");
  const auto id = store.pushed(1);
  const auto good = store.verify(id);
  expect(good.ok(), "verify of a good snapshot was answered " + std::string(sdk::name_of(good.error.status)) + ": " +
                        good.error.message);
  const auto none = store.verify("20000101T000000.000Z-e1");
  expect(!none.ok(), "verify of a snapshot that does not exist was answered ok");
}

void unknown_id(Bench& bench) {
  Store store(bench, "unknown");
  const auto staging = bench.scratch / "pulled";
  for (const char* id : {"20000101T000000.000Z-e1", "../../../../etc", "", "a/b"}) {
    const auto r = store.pull(id, staging);
    expect(!r.ok(), std::string("pull of the snapshot \"") + id + "\", which does not exist, was answered ok");
    expect(empty(staging), std::string("a failed pull of \"") + id + "\" left something in the staging folder");
  }
}

void same_id(Bench& bench) {
  Store store(bench, "same");
  const auto id = store.pushed(1);
  const auto again = store.push(id, 1);
  expect(again.ok() || again.error.status == sdk::Status::conflict,
         "the same push again was answered " + std::string(sdk::name_of(again.error.status)));
  expect(store.ids() == std::vector<std::string>{id}, "after the same push twice the list is not that one snapshot");
  store.pulls_the_same(id, store.state(), "pulled");
}

void missing_source(Bench& bench) {
  Store store(bench, "missing");
  const auto id = store.new_id(1);
  const auto r = store.subject().call(
      "store.push/1", {{"service", store.service()},
                       {"id", id},
                       {"epoch", 1},
                       {"paths", {{{"name", "state"}, {"path", (bench.scratch / "not there").string()}}}}});
  expect(!r.ok(), "a push of a folder that does not exist was answered ok");
  expect(store.ids().empty(), "a push that failed is listed as valid");
}

/// Whatever an interrupted push leaves, what is listed as valid is whole.
void interrupted(Bench& bench) {
  Store store(bench, "interrupted");
  for (const int budget : {1, 5, 20, 60}) {
    const auto id = store.new_id(1);
    const auto r = store.push(id, 1, Millis(budget));
    expect(r.ok() || r.error.status != sdk::Status::invalid, "a push out of time was answered invalid");
  }
  store.subject().session().run([] { return false; }, Millis(500));
  int n = 0;
  for (const auto& id : store.ids()) store.pulls_the_same(id, store.state(), "pulled-" + std::to_string(++n));
  const auto id = store.pushed(1);
  store.pulls_the_same(id, store.state(), "pulled-last");
}

void old_epoch(Bench& bench) {
  Store store(bench, "epoch");
  const auto newer = store.pushed(9);
  const auto id = store.new_id(8);
  const auto r = store.push(id, 8);
  expect(!r.ok() && r.error.status == sdk::Status::conflict,
         "a push with an older epoch than the newest snapshot's was answered " +
             std::string(r.ok() ? "ok" : sdk::name_of(r.error.status)) +
             ", not conflict: a revived old site could "
             "overwrite the newer state");
  expect(store.ids() == std::vector<std::string>{newer}, "after a refused push the list has changed");
}

void needs_fence(Bench& bench) {
  if (!bench.offers("store.fence/1")) throw Skipped("it does not offer store.fence/1");
}

void must_conflict(const sdk::Result& r, const std::string& what, const std::string& why) {
  expect(
      !r.ok() && r.error.status == sdk::Status::conflict,
      what + " was answered " + std::string(r.ok() ? "ok" : sdk::name_of(r.error.status)) + ", not conflict: " + why);
  expect(!r.error.message.empty() && r.error.message != "conflict", what + " was refused without a sentence");
}

constexpr const char* overwrites = "a replaced site could overwrite its successor's state";

void fences(Bench& bench) {
  needs_fence(bench);
  Store store(bench, "fence");
  const auto before = store.pushed(5);
  store.fenced(6);
  store.fenced(6);
  must_conflict(store.push(store.new_id(5), 5), "a push of epoch 5 after the fence of epoch 6", overwrites);
  expect(store.ids() == std::vector<std::string>{before}, "after a refused push the list has changed");
  const auto after = store.pushed(6);
  must_conflict(store.fence(5), "a fence of epoch 5 after that of epoch 6", "a fence is never lowered");
  must_conflict(store.push(store.new_id(5), 5), "a push of epoch 5 after one of epoch 6", overwrites);
  expect(store.ids() == std::vector<std::string>{after, before}, "the list is not the two snapshots, newest first");
  store.pulls_the_same(after, store.state(), "pulled");
}

void fences_a_new_service(Bench& bench) {
  needs_fence(bench);
  Store store(bench, "fence-first");
  store.fenced(3);
  must_conflict(store.push(store.new_id(2), 2), "the first push of all, of epoch 2 after the fence of epoch 3",
                overwrites);
  expect(store.ids().empty(), "a refused push is listed as valid");
  const auto id = store.pushed(3);
  must_conflict(store.fence(2), "a fence of epoch 2 after a push of epoch 3",
                "somebody has gone on with a newer epoch");
  expect(store.ids() == std::vector<std::string>{id}, "the list is not the one snapshot");
}

void fence_lasts(Bench& bench) {
  needs_fence(bench);
  Store store(bench, "fence-lasts");
  (void)store.pushed(5);
  store.fenced(6);
  Subject other(bench);
  must_conflict(other.call("store.push/1", store.push_params(store.new_id(5), 5), Millis(120'000)),
                "a push of epoch 5 by another instance, after the fence of epoch 6", "the fence is not durable");
  must_conflict(other.call("store.fence/1", store.fence_params(5)),
                "a fence of epoch 5 by another instance, after that of epoch 6", "the fence is not durable");
  const auto taken = other.call("store.push/1", store.push_params(store.new_id(6), 6), Millis(120'000));
  expect(taken.ok(), "a push of the fence's own epoch was answered " + std::string(sdk::name_of(taken.error.status)) +
                         ": " + taken.error.message);
}

/// Whichever of the two comes first: what older epochs have saved is fixed when the fence has been answered.
void fence_meets_push(Bench& bench) {
  needs_fence(bench);
  Store store(bench, "fence-push");
  (void)store.pushed(5);
  std::ofstream(store.state() / "much") << std::string(8'000'000, 'm');
  const auto late = store.new_id(5);
  auto& subject = store.subject();
  std::optional<sdk::Result> pushed, fenced;
  subject.instance().call("store.push/1", store.push_params(late, 5), Millis(120'000),
                          [&](sdk::Result r) { pushed = std::move(r); });
  subject.instance().call("store.fence/1", store.fence_params(6), Millis(120'000),
                          [&](sdk::Result r) { fenced = std::move(r); });
  expect(subject.session().run([&] { return fenced.has_value(); }, Millis(130'000)), "the fence was not answered");
  expect(fenced->ok(), "a fence beside a push was answered " + std::string(sdk::name_of(fenced->error.status)) + ": " +
                           fenced->error.message);
  const auto then = store.ids();
  expect(subject.session().run([&] { return pushed.has_value(); }, Millis(130'000)), "the push was not answered");
  const auto now = store.ids();
  for (const auto& id : now) {
    expect(std::ranges::find(then, id) != then.end(),
           "a push of epoch 5 that was under way when the fence of epoch 6 was set became a snapshot after it had been "
           "answered: look again where a push becomes the newest");
  }
  for (const auto& id : then) {
    expect(
        std::ranges::find(now, id) != now.end(),
        "a snapshot of epoch 5 that was listed as valid when the fence of epoch 6 had been answered was taken back: it "
        "may have been brought to the successor by then");
  }
  const bool listed = std::ranges::find(now, late) != now.end();
  expect(pushed->ok() == listed, pushed->ok() ? "a push that was answered ok is not listed after the fence"
                                              : "a push that was refused is listed as valid");
  expect(pushed->ok() || pushed->error.status == sdk::Status::conflict,
         "a push that a fence has overtaken was answered " + std::string(sdk::name_of(pushed->error.status)) +
             ", not conflict");
}

void prunes(Bench& bench) {
  Store store(bench, "prune");
  std::vector<std::string> all;
  for (int i = 0; i < 4; ++i) {
    change_tree(store.state(), bench.random);
    fs::create_directories(store.state() / "deep/er");
    std::ofstream(store.state() / "deep/file-3") << i;
    all.insert(all.begin(), store.pushed(1));
  }
  const auto planned = store.prune(2, true);
  expect(store.ids() == all, "prune with dry_run removed something");
  const auto done = store.prune(2, false);
  const auto left = store.ids();
  // keep_days = 0 says "whatever its age"; a store may still keep what is younger than a day.
  expect(left.size() >= 2, "prune kept " + std::to_string(left.size()) + " snapshots of the 2 that it had to keep");
  expect(planned.value("removed", Json()) == done.value("removed", Json()), "dry_run promised to remove other ones");
  const auto removed = done.value("removed", std::vector<std::string>());
  for (const auto& id : removed)
    expect(std::ranges::find(left, id) == left.end(), "the removed snapshot " + id + " is still listed");
  expect(removed.size() + left.size() == 4, "removed and left are not all that there were");
  expect(left.front() == all.front(), "prune removed the newest snapshot");
  store.pulls_the_same(left.front(), store.state(), "pulled");
}

void sweeps(Bench& bench) {
  Store store(bench, "sweep");
  (void)store.pushed(1);
  (void)store.pushed(2);
  store.sweep();
  expect(store.ids(false).empty(), "prune with keep_at_least = 0 left something: the kit cannot sweep up after itself");
}

int run_command(const std::vector<std::string>& argv, const std::map<std::string, std::string>& env) {
  host::ChildSpec spec;
  spec.argv = argv;
  spec.env = env;
  const auto spawned = host::spawn(spec);
  if (!spawned.child) throw Skipped("the tamper command cannot be run: " + spawned.what);
  for (const int fd : {spawned.child->in, spawned.child->out, spawned.child->err}) ::close(fd);
  std::optional<host::Ended> ended;
  while (!(ended = host::reap(spawned.child->pid))) ::poll(nullptr, 0, 5);
  return ended->exit_code.value_or(-1);
}

void tampered(Bench& bench) {
  if (bench.tamper.empty())
    throw Skipped("no [kit] tamper command in the settings: it must damage snapshot $SNAPSHOT of $SERVICE");
  Store store(bench, "tampered");
  const auto id = store.pushed(1);
  const int code = run_command(bench.tamper, {{"SNAPSHOT", id}, {"SERVICE", store.service()}});
  expect(code == 0, "the tamper command ended with exit code " + std::to_string(code));
  const auto staging = bench.scratch / "pulled";
  const auto r = store.pull(id, staging);
  expect(!r.ok(), "a damaged snapshot was pulled without an error");
  expect(empty(staging), "a refused pull left unverified state in the staging folder");
  expect(!store.verify(id).ok(), "verify found a damaged snapshot good");
}

void another_instance(Bench& bench) {
  Store store(bench, "another");
  const auto id = store.pushed(3);
  Subject other(bench);
  const auto seen = other.get("store.list/1", {{"service", store.service()}}).value("snapshots", Json::array());
  expect(seen.size() == 1 && seen.at(0).value("id", "") == id,
         "another instance of the plugin does not list what the first one pushed");
}

}  // namespace

void add_state_cases(std::vector<Case>& out) {
  const auto add = [&](const char* name, const char* rule, void (*run)(Bench&)) {
    out.push_back({std::string("state/") + name, rule, "state", false, run});
  };
  add("round-trip", "what is pushed is pulled, byte for byte", round_trip);
  add("history", "each snapshot keeps its own content, newest first", history);
  add("listed", "the list tells epoch, size and time", listed);
  add("verify", "verify tells good from missing", verifies);
  add("unknown-id", "a pull of what does not exist fails and leaves nothing", unknown_id);
  add("same-id", "the same push twice is one snapshot", same_id);
  add("missing-source", "a push of what does not exist fails", missing_source);
  add("interrupted", "a push out of time never becomes a damaged snapshot", interrupted);
  add("old-epoch", "an older epoch is refused with conflict", old_epoch);
  add("fence", "after a fence no older epoch is taken", fences);
  add("fence-first", "a fence may come before anything was saved", fences_a_new_service);
  add("fence-lasts", "a fence holds for every instance", fence_lasts);
  add("fence-under-way", "a push under way becomes nothing after a newer epoch's fence", fence_meets_push);
  add("prune", "prune keeps what it must, and dry_run removes nothing", prunes);
  add("sweep", "prune with keep_at_least = 0 removes everything of a service", sweeps);
  add("tampered", "a damaged snapshot is refused", tampered);
  add("no-memory", "a fresh instance sees what was pushed", another_instance);
}

}  // namespace understudy::conformance
