// The boot clock's waiter, and a child that is not to start too late.
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>

#include <boost/asio/post.hpp>

#include "core/host/boot_clock.hpp"
#include "core/host/child.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::host;

TEST_CASE("a boot timer fires once, not before its time, and only for what it was told last") {
  boost::asio::io_context loop;
  BootTimer timer(loop);
  int fired = 0;
  Time when{};
  timer.wait_until(boot_now(), [&] { fired += 100; });
  const Time wanted = boot_now() + Millis(30);
  timer.wait_until(wanted, [&] {
    ++fired;
    when = boot_now();
  });
  CHECK(fired == 0);
  loop.run();
  CHECK(fired == 1);
  CHECK(when >= wanted);
  loop.restart();
  timer.wait_until(boot_now() - Millis(1), [&] {
    ++fired;
    timer.wait_until(boot_now() + Millis(1), [&] { ++fired; });
  });
  loop.run();
  CHECK(fired == 3);
}

TEST_CASE("a cancelled boot timer, or one that is gone, runs nothing") {
  boost::asio::io_context loop;
  int fired = 0;
  BootTimer timer(loop);
  timer.wait_until(boot_now(), [&] { ++fired; });
  timer.cancel();
  {
    BootTimer gone(loop);
    gone.wait_until(boot_now(), [&] { ++fired; });
  }
  loop.run();
  CHECK(fired == 0);
}

TEST_CASE("a child announces itself before it is the program, and does not become it when it is late") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  ChildSpec spec;
  spec.argv = {"true"};
  spec.inherit_output = true;
  spec.announce_to = ends[1];
  spec.announce_tag = 42;
  spec.not_after = boot_now() - Millis(1);
  const auto late = spawn(spec);
  CHECK_FALSE(late.child);
  CHECK(late.error == ETIME);
  Announcement said;
  REQUIRE(::recv(ends[0], &said, sizeof said, MSG_DONTWAIT) == sizeof said);
  CHECK(said.tag == 42);
  CHECK(said.pid > 0);

  spec.not_after = boot_now() + Millis(60'000);
  const auto good = spawn(spec);
  REQUIRE(good.child);
  REQUIRE(::recv(ends[0], &said, sizeof said, MSG_DONTWAIT) == sizeof said);
  CHECK(said.pid == good.child->pid);
  ::close(good.child->in);
  while (!reap(good.child->pid)) ::usleep(1'000);
  ::close(ends[0]);
  ::close(ends[1]);
}
