// One timer for the deadlines of all calls.
#include "core/plugins/deadlines.hpp"

#include <vector>

#include "tests/catch.hpp"

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using understudy::plugins::Deadlines;

namespace {

struct Clockwork {
  boost::asio::io_context loop;
  std::vector<us_op> told;
  Deadlines::Time now = std::chrono::steady_clock::now();
  /// Until nothing is armed, or for a time that no test reaches.
  void run() { loop.run_for(seconds(20)); }
};

}  // namespace

TEST_CASE("deadlines: what is over is told once, the earliest first, whatever the order of adding") {
  Clockwork c;
  Deadlines deadlines(c.loop, [&](us_op op) { c.told.push_back(op); });
  deadlines.add(1, c.now + milliseconds(30));
  deadlines.add(2, c.now + milliseconds(10));
  deadlines.add(3, c.now - seconds(1));
  deadlines.add(4, c.now + milliseconds(20));
  c.run();
  CHECK(c.told == std::vector<us_op>{3, 2, 4, 1});
}

TEST_CASE("deadlines: one that is earlier than all others does not wait for them") {
  Clockwork c;
  Deadlines deadlines(c.loop, [&](us_op op) {
    c.told.push_back(op);
    deadlines.close();
  });
  deadlines.add(1, c.now + hours(1));
  deadlines.add(2, c.now + milliseconds(5));
  c.run();
  CHECK(c.told == std::vector<us_op>{2});
}

TEST_CASE("deadlines: what was answered is not told, and what comes after it is in time") {
  Clockwork c;
  Deadlines deadlines(c.loop, [&](us_op op) { c.told.push_back(op); });
  const auto first = c.now + milliseconds(5), second = c.now + milliseconds(15);
  deadlines.add(1, first);
  deadlines.add(2, second);
  deadlines.add(3, c.now + hours(1));
  deadlines.remove(1, first);
  deadlines.remove(3, c.now + hours(1));
  deadlines.remove(7, first);  // never there
  c.run();
  CHECK(c.told == std::vector<us_op>{2});
  CHECK(c.loop.stopped());  // an hour is not waited for
}

TEST_CASE("deadlines: one that is told may add, remove, close and destroy") {
  Clockwork c;
  std::unique_ptr<Deadlines> deadlines;
  deadlines = std::make_unique<Deadlines>(c.loop, [&](us_op op) {
    c.told.push_back(op);
    if (op == 1) {
      deadlines->remove(2, c.now - seconds(1));
      deadlines->add(4, c.now + milliseconds(5));
    }
    if (op == 4) deadlines.reset();
  });
  deadlines->add(1, c.now - seconds(2));
  deadlines->add(2, c.now - seconds(1));
  deadlines->add(5, c.now + milliseconds(6));
  c.run();
  CHECK(c.told == std::vector<us_op>{1, 4});
}

TEST_CASE("deadlines: nothing is told after close(), not even what was on its way") {
  Clockwork c;
  Deadlines deadlines(c.loop, [&](us_op op) { c.told.push_back(op); });
  boost::asio::steady_timer closer(c.loop, c.now - seconds(3));  // fires in the same turn, before
  closer.async_wait([&](const boost::system::error_code&) { deadlines.close(); });
  deadlines.add(1, c.now - seconds(2));
  c.run();
  deadlines.add(2, c.now);
  c.loop.restart();
  c.run();
  CHECK(c.told.empty());
}
