// What a child gets of ours.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/child.hpp"
#include "tests/catch.hpp"

using namespace understudy;

TEST_CASE("a child gets no descriptor of ours, also of those that were not opened for us alone") {
  const int ours = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as libraries open sockets
  REQUIRE(ours > 2);
  host::ChildSpec spec;
  spec.argv = {"sh", "-c", "if [ -e /dev/fd/" + std::to_string(ours) + " ]; then echo kept; else echo closed; fi"};
  auto started = host::spawn(spec);
  REQUIRE(started.child);
  std::string said(64, '\0');
  const auto got = ::read(started.child->out, said.data(), said.size());
  REQUIRE(got > 0);
  CHECK(said.substr(0, static_cast<std::size_t>(got)) == "closed\n");
  for (const int fd : {started.child->in, started.child->out, started.child->err, ours}) ::close(fd);
  int status = 0;
  ::waitpid(started.child->pid, &status, 0);
}
