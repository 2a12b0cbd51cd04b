// Talks to the plugin as Understudy does, with a host that this test plays.
#include <cstdio>
#include <cstdlib>

#include <understudy/testing.hpp>

using namespace understudy::sdk;

namespace {
void expect(bool what, const char* text) {
  if (what) return;
  std::fprintf(stderr, "failed: %s\n", text);
  std::exit(1);
}
}  // namespace

int main() {
  testing::FakeHost host(understudy_plugin());
@TEST@
  expect(instance.call("no.such/1").error.status == Status::unsupported, "an unknown method is unsupported");
  std::puts("@NAME@: 1 test passed");
}
