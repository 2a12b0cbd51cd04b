// A log whose reader stalls: who writes goes on, and what is torn off is no part of the next line.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <csignal>
#include <string>
#include <utility>

#include "core/host/log.hpp"
#include "core/host/unblocked_output.hpp"
#include "tests/catch.hpp"

using namespace understudy;

namespace {

struct Ends {
  int from = -1, to = -1;
  ~Ends() {
    ::close(from);
    ::close(to);
  }
  std::string read_all() const {
    std::string out(1 << 20, '\0');
    ::fcntl(from, F_SETFL, O_NONBLOCK);
    std::size_t got = 0;
    for (ssize_t n = 0; (n = ::read(from, out.data() + got, out.size() - got)) > 0;) got += static_cast<std::size_t>(n);
    out.resize(got);
    return out;
  }
};

Ends pipe_ends() {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  return {ends[0], ends[1]};
}

Ends socket_ends() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  return {ends[0], ends[1]};
}

bool blocks(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

}  // namespace

TEST_CASE("an output that is full is not waited for, and goes on with a whole line") {
  for (const bool socket : {false, true}) {
    const Ends ends = socket ? socket_ends() : pipe_ends();
    host::UnblockedOutput out(ends.to);
    const std::string line = std::string(5'000, 'x') + "\n";
    int went = 0;
    while (out.write(line)) REQUIRE(++went < 10'000);  // a blocking write would end this test never
    CHECK(went > 0);
    CHECK_FALSE(out.write("dropped\n"));
    CHECK(blocks(ends.to));  // it is others' too
    CHECK(ends.read_all().size() >= line.size() * static_cast<std::size_t>(went));
    CHECK(out.write("again\n"));
    const auto after = ends.read_all();
    CHECK(after.substr(after.find_first_not_of('\n')) == "again\n");
  }
}

TEST_CASE("an output that nobody can read any more, or that is closed, is no error of who writes") {
  std::signal(SIGPIPE, SIG_IGN);  // as both programs do
  auto ends = pipe_ends();
  host::UnblockedOutput out(ends.to);
  ::close(std::exchange(ends.from, -1));
  CHECK_FALSE(out.write("a\n"));
  host::UnblockedOutput none(-1);
  CHECK_FALSE(none.write("a\n"));
}

TEST_CASE("log: lines that found no room are counted when it is read on") {
  const Ends ends = pipe_ends();
  const int kept = ::dup(2);
  ::dup2(ends.to, 2);
  host::Logger log("info", "json");
  for (int i = 0; i < 100; ++i) log.write(host::Level::info, "a", std::string(4'000, 'x'));
  (void)ends.read_all();
  log.write(host::Level::info, "a", "here again");
  ::dup2(kept, 2);
  ::close(kept);
  const auto said = ends.read_all();
  INFO(said);
  CHECK_THAT(said, ContainsSubstring("here again"));
  CHECK_THAT(said, ContainsSubstring("lines before the last one are lost: nobody read the log"));
}
