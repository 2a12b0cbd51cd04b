#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "core/journal/journal.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::journal;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() /
                  ("understudy-journal-" + std::to_string(::getpid()) + "-" + std::to_string(std::rand()));
  ~Folder() { fs::remove_all(path); }
};

std::unique_ptr<Journal> open_or_fail(const fs::path& folder, std::int64_t max_bytes = 0) {
  auto opened = Journal::open(folder, {"test", max_bytes});
  if (const auto* p = std::get_if<Problem>(&opened)) FAIL(p->message);
  return std::move(std::get<std::unique_ptr<Journal>>(opened));
}

MachineRecord granted(std::uint64_t epoch) {
  return {ServiceId("s"), WallTime(Millis(1)), failover::Granted{Epoch{epoch}, TargetId("home"), "", "test"}};
}
MachineRecord note(const std::string& text) {
  return {ServiceId("s"), WallTime(Millis(1)), failover::Note{"k", Severity::info, TargetId("home"), text}};
}

}  // namespace

TEST_CASE("a second journal on the same folder is refused, and told who has it; a dead holder holds nothing") {
  Folder f;
  {
    const auto first = open_or_fail(f.path);
    const auto second = Journal::open(f.path, {"other", 0});
    const auto* problem = std::get_if<Problem>(&second);
    REQUIRE(problem != nullptr);
    CHECK_THAT(problem->message, ContainsSubstring(std::to_string(::getpid())));
  }
  const pid_t child = ::fork();
  if (child == 0) {
    auto held = Journal::open(f.path, {"child", 0});
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  (void)open_or_fail(f.path);
}

TEST_CASE("epochs only rise, whatever is asked") {
  Folder f;
  const auto j = open_or_fail(f.path);
  CHECK_FALSE(j->commit({granted(1)}).has_value());
  CHECK_FALSE(j->commit({granted(5)}).has_value());
  CHECK(j->commit({granted(5)}).has_value());
  CHECK(j->commit({granted(3)}).has_value());
  CHECK(j->last_epoch(ServiceId("s")) == 5);
}

TEST_CASE("a batch is stored whole or not at all") {
  Folder f;
  const auto j = open_or_fail(f.path);
  REQUIRE_FALSE(j->commit({granted(2)}));
  CHECK(j->commit({note("never seen"), granted(1)}).has_value());
  CHECK(j->problem().has_value());
  CHECK(j->history({}, 100, 0).size() == 1);
  CHECK_FALSE(j->commit({note("seen")}).has_value());
  CHECK_FALSE(j->problem().has_value());
}

TEST_CASE("an intent without an outcome is found after a restart") {
  Folder f;
  {
    const auto j = open_or_fail(f.path);
    (void)j->commit(
        {MachineRecord{ServiceId("s"), {}, failover::Intent{"op1", "fence", TargetId("home"), Epoch{1}}},
         MachineRecord{ServiceId("s"), {}, failover::Intent{"op2", "activate", TargetId("spare"), Epoch{2}}},
         MachineRecord{ServiceId("s"), {}, failover::Outcome{"op1", "ok", ""}}});
  }
  const auto open = open_or_fail(f.path)->open_intents(ServiceId("s"));
  REQUIRE(open.size() == 1);
  CHECK(open[0].operation == "op2");
}

TEST_CASE("a damaged file is reported and not replaced") {
  Folder f;
  {
    (void)open_or_fail(f.path)->commit({note("x")});
  }
  const auto file = f.path / "journal.db";
  const auto size = fs::file_size(file);
  {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.write(std::string(200, 'x').data(), 200);
  }
  const auto opened = Journal::open(f.path, {"test", 0});
  const auto* problem = std::get_if<Problem>(&opened);
  REQUIRE(problem != nullptr);
  CHECK_THAT(problem->message, ContainsSubstring("damaged"));
  CHECK(fs::file_size(file) == size);
}

TEST_CASE("a full disk is a problem with a hint, and passes when there is room again") {
  Folder f;
  const auto j = open_or_fail(f.path, 200'000);
  std::optional<Problem> problem;
  for (int i = 0; i < 200 && !problem; ++i) problem = j->commit({note(std::string(10'000, 'x'))});
  REQUIRE(problem);
  CHECK_THAT(problem->hint, ContainsSubstring("free space"));
}

TEST_CASE("what is due is found apart for what a notifier was asked for many times") {
  Folder f;
  const auto j = open_or_fail(f.path);
  const NotifierId log("log");
  (void)j->commit({OutboxPut{"old", log, {}, {}}, OutboxPut{"new", log, {}, {}}});
  (void)j->commit({OutboxUpdate{"old", OutboxState::queued, 5, {}, "down"}});
  const auto due = j->outbox_due(WallTime(Millis(10)), 5);
  REQUIRE(due.size() == 2);
  CHECK(due.front().id == "old");
  CHECK(due.back().id == "new");
}

TEST_CASE("what was queued before of the same incident is found, and what waits can be made due") {
  Folder f;
  const auto j = open_or_fail(f.path);
  const NotifierId log("log");
  const auto of = [](const char* incident) { return nlohmann::json{{"incident", incident}}; };
  (void)j->commit({OutboxPut{"1", log, of("a"), {}}, OutboxPut{"2", log, of("b"), {}}, OutboxPut{"3", log, of("a"), {}},
                   OutboxPut{"4", NotifierId("mail"), of("a"), {}}});
  const WallTime later(Millis(1'000)), now(Millis(10));
  (void)j->commit({OutboxUpdate{"1", OutboxState::queued, 1, later, "down"},
                   OutboxUpdate{"4", OutboxState::queued, 1, later, "down"}});
  OutboxRow row;
  row.id = "3";
  row.notifier = log;
  row.alert = of("a");
  REQUIRE(j->outbox_before(row).size() == 1);
  CHECK(j->outbox_before(row).front().id == "1");
  (void)j->commit({OutboxPut{"5", log, of("a"), {}}});
  row.id = "5";
  REQUIRE(j->outbox_before(row).size() == 2);
  CHECK(j->outbox_before(row).back().id == "3");
  row.id = "1";
  CHECK(j->outbox_before(row).empty());
  for (int n = 0; n < 120; ++n) (void)j->commit({OutboxPut{"more-" + std::to_string(n), log, of("a"), {}}});
  row.id = "more-119";
  REQUIRE(j->outbox_before(row).size() == 100);
  CHECK(j->outbox_before(row).front().id == "more-19");
  CHECK(j->outbox_before(row).back().id == "more-118");
  for (int n = 0; n < 120; ++n)
    (void)j->commit({OutboxUpdate{"more-" + std::to_string(n), OutboxState::sent, 1, {}, ""}});
  CHECK(j->outbox_due(now, 5).front().id == "2");
  // What was handed over already is no reason to store nothing of what comes with it.
  CHECK_FALSE(
      j->commit({OutboxPut{"2", log, of("again"), {}}, OutboxUpdate{"4", OutboxState::queued, 1, later, "down"}}));
  CHECK(j->outbox_state("2") == OutboxState::queued);
  CHECK_FALSE(j->outbox_state("no-such-row"));
  (void)j->commit({OutboxHasten{log, now}});
  REQUIRE(j->outbox_due(now, 5).size() == 1);
  CHECK(j->outbox_due(now, 5).front().id == "1");
  (void)j->commit({OutboxHasten{{}, now}});
  CHECK(j->outbox_due(now, 5).size() == 2);
}

// uptime-kuma #6046, #7436: the channel could not be reached at that moment, and the alert was lost.
TEST_CASE("what was being sent when the process died is sent again, marked") {
  Folder f;
  {
    const auto j = open_or_fail(f.path);
    (void)j->commit({OutboxPut{"1", NotifierId("log"), {{"title", "a"}}, {}},
                     OutboxPut{"2", NotifierId("log"), {{"title", "b"}}, {}}});
    (void)j->commit({OutboxUpdate{"1", OutboxState::sending, 1, {}, ""}});
    CHECK(j->outbox_due(WallTime(Millis(10)), 5).size() == 1);
  }
  const auto j = open_or_fail(f.path);
  (void)j->outbox_recover();
  const auto first = j->outbox_due(WallTime(Millis(10)), 5);  // one at a time for each notifier
  REQUIRE(first.size() == 1);
  CHECK(first[0].id == "1");
  CHECK(first[0].possible_duplicate);
  (void)j->commit({OutboxUpdate{"1", OutboxState::sent, 2, {}, ""}});
  const auto second = j->outbox_due(WallTime(Millis(10)), 5);
  REQUIRE(second.size() == 1);
  CHECK(second[0].id == "2");
  CHECK_FALSE(second[0].possible_duplicate);
}

TEST_CASE("what is old and over is forgotten, and the newest snapshot is not") {
  Folder folder;
  auto journal = open_or_fail(folder.path);
  const ServiceId s("s");
  const auto snapshot = [&](const char* id, std::int64_t at) {
    return SnapshotRow{s, SnapshotInfo{SnapshotId(id), Epoch{1}, WallTime(Millis(at)), 1, 1, true, {}}};
  };
  REQUIRE_FALSE(journal->commit(
      {note("old"), granted(1), snapshot("a", 1), snapshot("b", 2),
       MachineRecord{s, WallTime(Millis(1)), failover::Intent{"done", "fence", TargetId("home"), Epoch{1}}},
       MachineRecord{s, WallTime(Millis(1)), failover::Outcome{"done", "ok", ""}},
       MachineRecord{s, WallTime(Millis(1)), failover::Intent{"open", "fence", TargetId("home"), Epoch{1}}},
       MachineRecord{s, WallTime(Millis(5'000)), failover::Note{"k", Severity::info, TargetId("home"), "new"}}}));
  REQUIRE_FALSE(journal->prune(WallTime(Millis(1'000))));
  const auto left = journal->history(s, 10, 0);
  REQUIRE(left.size() == 1);
  CHECK(left.front().text == "new");
  CHECK(journal->newest_snapshot(s)->id == SnapshotId("b"));
  REQUIRE(journal->open_intents(s).size() == 1);
  CHECK(journal->open_intents(s).front().operation == "open");
  CHECK(journal->last_epoch(s) == 1);
}

TEST_CASE("a budget is of the standbys: what home costs is not spent for us") {
  Folder folder;
  auto journal = open_or_fail(folder.path);
  const ServiceId s("s");
  const auto spent = [&](const char* target, double usd, std::int64_t at) {
    return SpendRow{s, TargetId(target), WallTime(Millis(at - 1)), WallTime(Millis(at)), Usd{usd}};
  };
  REQUIRE_FALSE(
      journal->commit({spent("home", 20, 10), spent("spare", 1.5, 10), spent("spare", 4, 2), spent("cloud", 2, 11)}));
  CHECK(journal->spent_since(s, TargetId("home"), WallTime(Millis(5))).value == Approx(3.5));
}

TEST_CASE("a way home that failed is no start that failed") {
  Folder folder;
  auto journal = open_or_fail(folder.path);
  const ServiceId s("s");
  const auto timed = [&](failover::MoveKind kind, bool ok) {
    return MachineRecord{
        s, WallTime(Millis(1)),
        failover::ActivationTimed{TargetId("home"), Epoch{1}, kind, WallTime(Millis(1)), Millis(5), ok, ""}};
  };
  REQUIRE_FALSE(journal->commit({timed(failover::MoveKind::failback, false), timed(failover::MoveKind::failback, true),
                                 timed(failover::MoveKind::failover, false)}));
  const auto known = journal->activations(s, TargetId("home"), 10);
  REQUIRE(known.size() == 2);
  CHECK((!known.front().succeeded && known.back().succeeded));
}

TEST_CASE("the newest snapshot is that of the newest epoch, whatever the clocks said, and it is kept") {
  Folder folder;
  auto journal = open_or_fail(folder.path);
  const ServiceId s("s");
  const auto snapshot = [&](const char* id, std::uint64_t epoch, std::int64_t at, bool valid) {
    return SnapshotRow{s, SnapshotInfo{SnapshotId(id), Epoch{epoch}, WallTime(Millis(at)), 1, 1, valid, {}}};
  };
  REQUIRE_FALSE(journal->commit({snapshot("ahead", 1, 500, true), snapshot("old", 2, 100, true),
                                 snapshot("new", 2, 200, true), snapshot("damaged", 3, 300, false)}));
  CHECK(journal->newest_snapshot(s)->id == SnapshotId("new"));
  REQUIRE_FALSE(journal->prune(WallTime(Millis(1'000))));
  REQUIRE(journal->newest_snapshot(s));
  CHECK(journal->newest_snapshot(s)->id == SnapshotId("new"));
}
