// What a supervisor remembers over its own end.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/agent/ledger_file.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::agent;
namespace fs = std::filesystem;

namespace {

struct LedgerFolder {
  fs::path path;
  LedgerFolder() {
    char name[] = "/tmp/understudy-ledger-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~LedgerFolder() { fs::remove_all(path); }
  LedgerFolder(const LedgerFolder&) = delete;
  LedgerFolder& operator=(const LedgerFolder&) = delete;
};

Ledger read_back(const fs::path& file) {
  auto out = read_ledger(file);
  REQUIRE(std::holds_alternative<Ledger>(out));
  return std::get<Ledger>(out);
}

}  // namespace

TEST_CASE("work that is not saved is remembered, with where it belongs and whether it was refused") {
  const LedgerFolder folder;
  const auto file = folder.path / "agent.json";
  CHECK_FALSE(read_back(file).unsaved.has_value());
  Ledger ledger;
  ledger.epoch = Epoch{7};
  ledger.phase = Ledger::Phase::active;
  ledger.store = "gs://snapshots/prod";
  ledger.unsaved = Unsaved{Epoch{6}, false, {}};
  REQUIRE_FALSE(write_ledger(file, ledger).has_value());
  CHECK(read_back(file).store == "gs://snapshots/prod");
  CHECK(read_back(file).unsaved == ledger.unsaved);
  CHECK(read_back(file).to_save());
  ledger.unsaved = Unsaved{Epoch{6}, true, "epoch 6 is older; kept aside as \xff"};
  REQUIRE_FALSE(write_ledger(file, ledger).has_value());
  CHECK(read_back(file).unsaved->refused);
  CHECK(read_back(file).unsaved->why.find("kept aside") != std::string::npos);
  CHECK_FALSE(read_back(file).to_save());
  ledger.unsaved.reset();
  REQUIRE_FALSE(write_ledger(file, ledger).has_value());
  CHECK_FALSE(read_back(file).unsaved.has_value());
}

TEST_CASE("no snapshot is kept apart from one that was not named") {
  const LedgerFolder folder;
  const auto file = folder.path / "agent.json";
  for (const auto& snapshot :
       {std::optional<SnapshotId>(), std::optional(SnapshotId()), std::optional(SnapshotId("s"))}) {
    Ledger ledger;
    ledger.snapshot = snapshot;
    REQUIRE_FALSE(write_ledger(file, ledger).has_value());
    CHECK(read_back(file).snapshot == snapshot);
  }
}

TEST_CASE("the ledger of an older agent is read, and a damaged one is not taken for an empty one") {
  const LedgerFolder folder;
  const auto file = folder.path / "agent.json";
  std::ofstream(file)
      << R"({"epoch": 3, "phase": "active", "operation": "o", "snapshot": "s", "restored": true, "at_ms": 5})";
  CHECK(read_back(file).epoch == Epoch{3});
  CHECK(read_back(file).restored);
  CHECK_FALSE(read_back(file).unsaved.has_value());
  CHECK(read_back(file).snapshot == SnapshotId("s"));
  for (const char* text : {"", "{", "[]", R"({"phase": "active"})", R"({"epoch": 3, "unsaved": {"refused": true}})",
                           R"({"epoch": 18446744073709551615})", R"({"epoch": 3, "unsaved": {"epoch": -1}})"}) {
    INFO(text);
    std::ofstream(file, std::ios::trunc) << text;
    CHECK(std::holds_alternative<std::string>(read_ledger(file)));
  }
}
