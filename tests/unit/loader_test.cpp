// Every way in which a plugin library can be wrong has its own clear error, and none of them takes the core along.
#include <fstream>

#include "tests/loader_fixture.hpp"

using namespace understudy;
namespace fs = std::filesystem;

namespace {

struct Bad : test::Fixture {
  Bad() : Fixture({fs::path(UNDERSTUDY_BINARY_DIR) / "test_plugins"}) {}
  std::string error(const std::string& plugin, const std::string& interface_name = "health",
                    nlohmann::json settings = nlohmann::json::object()) {
    auto out = make(plugin, interface_name, std::move(settings));
    const auto* e = std::get_if<plugins::LoadError>(&out);
    REQUIRE(e != nullptr);
    return e->message + " | " + e->hint;
  }
};

}  // namespace

TEST_CASE("each way to be no usable plugin has its own sentence") {
  Bad f;
  std::ofstream(fs::path(UNDERSTUDY_BINARY_DIR) / "test_plugins/text.so") << "this is text";
  CHECK_THAT(f.error("absent"), ContainsSubstring("no plugin \"absent\""));
  CHECK_THAT(f.error("text"), ContainsSubstring("cannot be loaded"));
  CHECK_THAT(f.error("stranger"), ContainsSubstring("no Understudy plugin"));
  CHECK_THAT(f.error("older"), ContainsSubstring("older plugin ABI 0"));
  CHECK_THAT(f.error("newer"), ContainsSubstring("newer plugin ABI 2"));
  CHECK_THAT(f.error("mute"), ContainsSubstring("manifest is not a JSON object"));
  CHECK_THAT(f.error("needy"), ContainsSubstring("teleport/1"));
  CHECK_THAT(f.error("good", "target"), ContainsSubstring("has no interface \"target\""));
  CHECK_THAT(f.error("misbehaves", "health", {{"what", "throws-in-create"}}), ContainsSubstring("no luck today"));
}

TEST_CASE("a library that stays when it is looked at is waited for once, and told") {
  test::Fixture f({fs::path(UNDERSTUDY_BINARY_DIR) / "test_stuck"});
  for (int i = 0; i < 10; ++i) {
    const auto found = f.registry.find("stuck");
    const auto* e = std::get_if<plugins::LoadError>(&found);
    REQUIRE(e != nullptr);
    CHECK_THAT(e->message, ContainsSubstring("it did not end while it was loaded"));
  }
}

TEST_CASE("two plugins of one name are refused, and both are named") {
  const auto other = fs::path(UNDERSTUDY_BINARY_DIR) / "test_plugins_again";
  fs::create_directories(other);
  fs::copy_file(fs::path(UNDERSTUDY_BINARY_DIR) / "test_plugins/good.so", other / "good.so",
                fs::copy_options::overwrite_existing);
  test::Fixture f({fs::path(UNDERSTUDY_BINARY_DIR) / "test_plugins", other});
  auto out = f.make("good", "health", nlohmann::json::object());
  const auto* e = std::get_if<plugins::LoadError>(&out);
  REQUIRE(e != nullptr);
  CHECK_THAT(e->message, ContainsSubstring("test_plugins/good.so"));
  CHECK_THAT(e->message, ContainsSubstring("test_plugins_again/good.so"));
}

TEST_CASE("a plugin in plain C answers") {
  Bad f;
  const auto instance = f.made("good", "health", nlohmann::json::object());
  const auto r = f.call(*instance, "health.check/1");
  REQUIRE(r.ok());
  CHECK(r.value.at("cause") == "plain C");
}

TEST_CASE("what a plugin throws, forgets, garbles or repeats becomes exactly one answer") {
  Bad f;
  CHECK_THAT(f.call(*f.made("misbehaves", "health", {{"what", "throws"}}), "health.check/1").error.message,
             ContainsSubstring("it is broken"));
  CHECK(f.call(*f.made("misbehaves", "health", {{"what", "throws-int"}}), "health.check/1").error.status ==
        sdk::Status::unknown);
  CHECK_THAT(f.call(*f.made("misbehaves", "health", {{"what", "forgets"}}), "health.check/1").error.message,
             ContainsSubstring("without an answer"));
  for (const char* what : {"swallows", "throws-int-in-worker"}) {
    const auto swallowed = f.call(*f.made("misbehaves", "health", {{"what", what}}), "health.check/1").error;
    CHECK(swallowed.status == sdk::Status::unknown);
    CHECK(swallowed.kind != "deadline");
  }
  CHECK(f.call(*f.made("garbage", "health", nlohmann::json::object()), "health.check/1").error.kind == "garbage");
  CHECK(f.call(*f.made("twice", "health", nlohmann::json::object()), "health.check/1").ok());
}

TEST_CASE("a plugin that never answers, or hangs, is answered for at its deadline, and the core goes on") {
  Bad f;
  const auto silent = f.made("misbehaves", "health", {{"what", "never"}});
  CHECK(f.call(*silent, "health.check/1", nlohmann::json::object(), Millis(200)).error.kind == "deadline");
  const auto hanging = f.made("misbehaves", "health", {{"what", "hangs"}});
  const auto began = std::chrono::steady_clock::now();
  CHECK(f.call(*hanging, "health.check/1", nlohmann::json::object(), Millis(200)).error.status == sdk::Status::unknown);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(6));
}

TEST_CASE("a method that is not there is unsupported") {
  Bad f;
  CHECK(f.call(*f.made("misbehaves", "health", nlohmann::json::object()), "health.check/1").ok());
}
