#include <set>

#include "core/failover/table.hpp"
#include "tests/catch.hpp"

using namespace understudy::failover;

// hapostgres/pg_auto_failover #774, #1168, #1185: a goal was assigned to which no transition led, and the node waited
// for ever.
TEST_CASE("every phase of the table can be reached from the start, and none is without an end") {
  std::set<Phase> reached{Phase::starting};
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& row : phase_table()) {
      if (!reached.contains(row.phase)) continue;
      for (const Phase next : row.next) grew = reached.insert(next).second || grew;
    }
  }
  REQUIRE(reached.size() == phase_count);
  for (const auto& row : phase_table()) {
    INFO(to_string(row.phase));
    CHECK_FALSE(row.next.empty());
    CHECK(row.instant == row.ends_by.empty());
  }
}

TEST_CASE("from every phase the service can become active again") {
  for (const auto& start : phase_table()) {
    std::set<Phase> reached{start.phase};
    for (bool grew = true; grew;) {
      grew = false;
      for (const auto& row : phase_table()) {
        if (!reached.contains(row.phase)) continue;
        for (const Phase next : row.next) grew = reached.insert(next).second || grew;
      }
    }
    INFO(to_string(start.phase));
    CHECK(reached.contains(Phase::active));
  }
}

TEST_CASE("the rows of the table are in the order of the phases") {
  int i = 0;
  for (const auto& row : phase_table()) CHECK(static_cast<int>(row.phase) == i++);
  CHECK(phase_from("hold") == Phase::hold);
  CHECK_FALSE(phase_from("nonsense").has_value());
}
