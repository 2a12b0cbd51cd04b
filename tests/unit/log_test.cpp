// The log: no secret is found in it, however it came there.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/host/log.hpp"
#include "tests/catch.hpp"
#include "tests/unit/captured.hpp"

using namespace understudy;

namespace {

const std::string pem =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQ\n-----END PRIVATE KEY-----";

void find_no_key(const std::string& text) {
  CHECK_THAT(text, ContainsSubstring("[secret]"));
  CHECK(text.find("MIIEvQ") == std::string::npos);
  CHECK(text.find("EFAASC") == std::string::npos);
}

}  // namespace

TEST_CASE("log: a key of several lines is hidden in text and in JSON, in a message and in a field") {
  for (const char* format : {"text", "json"}) {
    test::Captured captured;
    host::Logger log("info", format);
    log.add_secret(pem);
    log.write(host::Level::info, "a", "told " + pem);
    log.write(host::Level::info, "a", "in a field", {{"key", pem}});
    log.write_raw(host::Level::info, "a", "as JSON", nlohmann::json{{"key", pem}}.dump());
    log.write(host::Level::info, "a", "a part: MIIEvQIBADANBgkqhkiG9w0BAQ");
    const auto said = captured.text();
    INFO(said);
    find_no_key(said);
    CHECK(std::ranges::count(said, '\n') == 4);
  }
}

TEST_CASE("log: a short secret within a longer one leaves nothing of that") {
  host::Logger log("error", "text");
  log.add_secret("hunter");
  log.add_secret("hunter-and-more");
  CHECK(log.redact("hunter-and-more hunter") == "[secret] [secret]");
}

TEST_CASE("log: a secret at the end of the longest line is not cut before it is found") {
  test::Captured captured;
  host::Logger log("info", "json");
  log.add_secret("tell-nobody-of-this-one");
  log.write(host::Level::info, "a", std::string(16 * 1024 - 60, 'x') + "tell-nobody-of-this-one");
  log.write(host::Level::info, "a", std::string(100 * 1024, 'x'));
  const auto said = captured.text();
  CHECK(said.find("tell-nobody") == std::string::npos);
  const auto longest = said.substr(said.find('\n') + 1);
  CHECK(longest.size() < 20 * 1024);
  CHECK(nlohmann::json::parse(longest).at("message").get<std::string>().size() == 16 * 1024);
}
