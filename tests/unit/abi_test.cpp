// The sizes that guard what later minors append to the structs of abi.h.
#include <cstring>

#include "tests/catch.hpp"
#include "understudy/plugin.hpp"

using namespace understudy;

namespace {

void ignore_call(void*, us_op, us_bytes, us_bytes, std::int64_t) {}
void ignore_op(void*, us_op) {}
void ignore_answer(void*, us_op, std::int32_t, us_bytes) {}
void ignore_notice(void*, us_bytes, us_bytes) {}

}  // namespace

TEST_CASE("abi: the sizes of 1.0 are what 1.0 had") {
  CHECK(US_PORT_SIZE_1_0 == 8 + 5 * sizeof(void*));
  CHECK(US_PLUGIN_SIZE_1_0 == 16 + sizeof(us_bytes) + 2 * sizeof(void*));
}

TEST_CASE("abi: the SDK writes no further than the host has room, and says how far it wrote") {
  const us_port mine{sizeof(us_port), 0, nullptr, ignore_call, ignore_op, ignore_answer, ignore_notice};
  for (const std::uint32_t said : {std::uint32_t{0}, US_PORT_SIZE_1_0, std::uint32_t{4096}}) {
    us_port theirs{};
    theirs.size = said;
    sdk::detail::write_port(&theirs, mine);
    CHECK(theirs.size <= sizeof(us_port));
    CHECK(theirs.size >= US_PORT_SIZE_1_0);
    CHECK(theirs.notify == ignore_notice);
  }
  us_port theirs = mine;
  theirs.size = US_PORT_SIZE_1_0;
  CHECK(sdk::detail::read_port(theirs).notify == ignore_notice);
}
