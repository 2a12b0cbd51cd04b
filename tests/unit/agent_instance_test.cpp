// Which agent it is: the same after its restart, another one on another disk or after the host has booted.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/agent/instance.hpp"
#include "core/host/boot_clock.hpp"
#include "core/host/boot_id.hpp"
#include "core/host/clock.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::agent;
namespace fs = std::filesystem;

namespace {

struct InstanceFolder {
  fs::path path;
  InstanceFolder() {
    char name[] = "/tmp/understudy-instance-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~InstanceFolder() { fs::remove_all(path); }
  InstanceFolder(const InstanceFolder&) = delete;
  InstanceFolder& operator=(const InstanceFolder&) = delete;
};

std::string agent_name(const fs::path& file, const std::string& boot = "boot") {
  const auto out = instance_of(file, boot);
  REQUIRE(std::holds_alternative<std::string>(out));
  return std::get<std::string>(out);
}

}  // namespace

TEST_CASE("an agent that starts again is the same one, and one with another folder is another") {
  const InstanceFolder one, two;
  const auto name = agent_name(one.path / "instance");
  CHECK(name == agent_name(one.path / "instance"));
  CHECK(name != agent_name(two.path / "instance"));
  CHECK(name.size() <= 64);
  CHECK(name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
}

TEST_CASE("a copied disk is another agent once a host has booted with it") {
  const InstanceFolder one, copy;
  const auto name = agent_name(one.path / "instance", "4fd2bb3c-8f4c-4d6d-b1f7-aabbccddeeff");
  fs::copy_file(one.path / "instance", copy.path / "instance");
  CHECK(name != agent_name(copy.path / "instance", "77d2bb3c-8f4c-4d6d-b1f7-aabbccddeeff"));
  CHECK(name.find("4fd2bb3c") == std::string::npos);  // /health is open: a host's boot id is not for everybody
}

TEST_CASE("an id that cannot be read is made anew, and one that cannot be kept is none") {
  const InstanceFolder one;
  const auto name = agent_name(one.path / "instance");
  for (const char* text : {"", "\n", "0123", "0123456789ABCDEF01234567", "0123456789abcdef0123456789"}) {
    INFO(text);
    std::ofstream(one.path / "instance", std::ios::trunc) << text;
    const auto next = agent_name(one.path / "instance");
    CHECK(next != name);
    CHECK(next == agent_name(one.path / "instance"));
  }
  const auto none = instance_of(one.path / "missing" / "instance", "boot");
  REQUIRE(std::holds_alternative<NoInstance>(none));
  CHECK(std::get<NoInstance>(none).why.find("missing/instance") != std::string::npos);
}

TEST_CASE("a boot has a mark that stays, and where the kernel gives it no name it is the time of the boot") {
  CHECK_FALSE(host::boot_mark().empty());
  CHECK(host::boot_mark() == host::boot_mark());
  if (!host::boot_id().empty()) CHECK(host::boot_mark() == host::boot_id());
  const WallTime booted{std::chrono::hours(500'000)};
  const auto after = [&](Millis ran) { return host::boot_mark(booted + ran, Time(ran)); };
  CHECK(after(Millis(1'000)) == after(Millis(86'400'500)));
  CHECK(after(Millis(1'000)) != host::boot_mark(booted + Millis(3'000), Time(Millis(1'000))));
}
