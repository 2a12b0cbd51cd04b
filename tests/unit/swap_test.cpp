// A restored state is put in place whole, or what stood there stands there still.
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "core/state/swap.hpp"
#include "tests/catch.hpp"

using namespace understudy::state;
namespace fs = std::filesystem;

namespace {

struct Places {
  fs::path path = fs::temp_directory_path() / ("understudy-swap-" + std::to_string(::getpid()));
  Places() { fs::create_directories(path); }
  ~Places() { fs::remove_all(path); }

  void put(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
  [[nodiscard]] std::string read(const fs::path& name) const {
    std::ifstream in(path / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] int kept(const std::string& prefix) const {
    int out = 0;
    for (const auto& entry : fs::directory_iterator(path))
      out += entry.path().filename().string().rfind(prefix, 0) == 0 ? 1 : 0;
    return out;
  }
};

}  // namespace

TEST_CASE("a new state takes the place of the former, which is kept beside it") {
  const Places f;
  f.put("state/count", "old");
  f.put("staged/count", "new");
  REQUIRE_FALSE(swap_in({{f.path / "staged", f.path / "state"}}, "1"));
  CHECK(f.read("state/count") == "new");
  CHECK(f.read("state.replaced-1/count") == "old");
}

TEST_CASE("when one part cannot be placed, all of the former state stands where it stood, however often it is tried") {
  const Places f;
  f.put("state/count", "old");
  f.put("db/rows", "old rows");
  for (int tries = 0; tries < 5; ++tries) {
    f.put("staged/count", "new");
    f.put("staged-db/rows", "new rows");
    // "." cannot be renamed, as a mount point cannot.
    const auto problem =
        swap_in({{f.path / "staged", f.path / "state"}, {f.path / "staged-db", f.path / "db" / "."}}, "1");
    REQUIRE(problem);
    CHECK_THAT(*problem, ContainsSubstring("cannot be put in place"));
    CHECK(f.read("state/count") == "old");
    CHECK(f.read("db/rows") == "old rows");
    CHECK(f.kept("state.") == 0);
  }
}
