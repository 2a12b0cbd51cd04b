// The http plugin against real servers of many kinds (tests/fakes/http_zoo.py): TLS, IPv6, unix sockets, credentials.
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>

#include "tests/loader_fixture.hpp"

using namespace understudy;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

/// The servers, as a child that ends with us.
class Zoo {
 public:
  Zoo() {
    int in[2], out[2];
    REQUIRE(::pipe(in) == 0);
    REQUIRE(::pipe(out) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
      ::execlp("python3", "python3", UNDERSTUDY_SOURCE_DIR "/tests/fakes/http_zoo.py", nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    stop_ = in[1];
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(out[0]);
    where = Json::parse(line);
  }
  ~Zoo() {
    ::close(stop_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  Zoo(const Zoo&) = delete;
  Zoo& operator=(const Zoo&) = delete;

  [[nodiscard]] std::string url(const std::string& path, const char* server = "plain") const {
    const std::string scheme = std::string(server) == "plain" ? "http" : "https";
    return scheme + "://127.0.0.1:" + std::to_string(where.at(server).get<int>()) + path;
  }
  Json where;

 private:
  pid_t pid_ = -1;
  int stop_ = -1;
};

struct WithZoo : test::Fixture {
  WithZoo() : Fixture({fs::path(UNDERSTUDY_BINARY_DIR) / "plugins"}) {}

  /// "pass", "fail: why", "unknown: why"; a check is made twice, so that a reused handle is seen to be clean.
  std::string check(Json settings, std::map<std::string, config::SecretRef> secrets = {}) {
    config::PluginUse use;
    use.plugin = "http";
    use.settings = std::move(settings);
    use.secrets = std::move(secrets);
    auto made = registry.make(wiring, use, "health", "svc/a", "svc", "a");
    if (const auto* error = std::get_if<plugins::LoadError>(&made)) FAIL(error->message);
    auto& instance = *std::get<std::unique_ptr<plugins::Instance>>(made);
    (void)call(instance, "health.check/1", {{"timeout_ms", 5000}});
    last = call(instance, "health.check/1", {{"timeout_ms", 5000}}).get();
    const auto outcome = last.at("outcome").get<std::string>();
    return outcome == "pass" ? outcome : outcome + ": " + last.at("cause").get<std::string>();
  }
  Zoo zoo;
  Json last;
};

}  // namespace

TEST_CASE("http: certificates are checked, and their end is told before it comes") {
  WithZoo f;
  const std::string ca = f.zoo.where.at("ca");
  CHECK(f.check({{"url", f.zoo.url("/ok", "long")}, {"ca_file", ca}, {"tls_expiry_warn", 14LL * 86'400'000}}) ==
        "pass");
  CHECK_THAT(f.check({{"url", f.zoo.url("/ok", "short")}, {"ca_file", ca}, {"tls_expiry_warn", 14LL * 86'400'000}}),
             StartsWith("degraded: its certificate ends in "));
  CHECK_THAT(f.check({{"url", f.zoo.url("/ok", "expired")}, {"ca_file", ca}}), StartsWith("fail: TLS"));
  CHECK_THAT(f.check({{"url", f.zoo.url("/ok", "long")}}), StartsWith("fail: TLS"));
  CHECK(f.check({{"url", f.zoo.url("/ok", "long")}, {"verify_tls", false}}) == "pass");
}

TEST_CASE("http: redirects are followed only as far as asked, and never out of HTTP") {
  WithZoo f;
  CHECK(f.check({{"url", f.zoo.url("/redirect/2")}}) == "fail: HTTP 302");
  CHECK(f.check({{"url", f.zoo.url("/redirect/2")}, {"redirects", 5}}) == "pass");
  CHECK_THAT(f.check({{"url", f.zoo.url("/redirect/9")}, {"redirects", 2}}), StartsWith("fail: "));
  CHECK_THAT(f.check({{"url", f.zoo.url("/to-file")}, {"redirects", 2}}), StartsWith("fail: "));
}

TEST_CASE("http: credentials come from secrets, and a check that is not let in says nothing of the service") {
  WithZoo f;
  ::setenv("ZOO_PASSWORD", "s3cret", 1);
  ::setenv("ZOO_TOKEN", "t0ken", 1);
  ::setenv("ZOO_KEY", "k3y", 1);
  const auto env = [](const char* name) { return config::SecretRef{config::SecretRef::Kind::env, name}; };
  CHECK(f.check({{"url", f.zoo.url("/basic")}, {"basic", {{"user", "ann"}, {"password", {{"$secret", "p"}}}}}},
                {{"p", env("ZOO_PASSWORD")}}) == "pass");
  CHECK(f.check({{"url", f.zoo.url("/bearer")}, {"bearer", {{"$secret", "t"}}}}, {{"t", env("ZOO_TOKEN")}}) == "pass");
  CHECK(f.check({{"url", f.zoo.url("/key")}, {"secret_headers", {{"X-API-Key", {{"$secret", "k"}}}}}},
                {{"k", env("ZOO_KEY")}}) == "pass");
  CHECK_THAT(f.check({{"url", f.zoo.url("/basic")}}), StartsWith("unknown: HTTP 401"));
  CHECK(f.last.at("verdict") == false);
  CHECK_THAT(f.check({{"url", f.zoo.url("/bearer")}, {"bearer", {{"$secret", "t"}}}}, {{"t", env("ZOO_NOT_THERE")}}),
             StartsWith("unknown: a secret is missing"));
  // The handle that carried a credential is used again for a request without one.
  CHECK_THAT(f.check({{"url", f.zoo.url("/bearer")}}), StartsWith("unknown: HTTP 401"));
}

TEST_CASE("http: unix sockets, IPv6, methods, headers and slow answers") {
  WithZoo f;
  CHECK(f.check({{"url", "http://anything/ok"}, {"unix_socket", f.zoo.where.at("unix")}}) == "pass");
  CHECK(f.last.at("local") == true);
  if (const int port = f.zoo.where.at("six").get<int>(); port != 0) {
    CHECK(f.check({{"url", "http://[::1]:" + std::to_string(port) + "/ok"}}) == "pass");
    CHECK(f.last.at("local") == true);
  }
  CHECK(f.check({{"url", f.zoo.url("/ok")}, {"method", "POST"}, {"body", "ping"}}) == "pass");
  CHECK(f.check({{"url", f.zoo.url("/ok")}, {"method", "POST"}, {"body", "pong"}}) == "fail: HTTP 400");
  CHECK(f.check({{"url", f.zoo.url("/ok")}, {"method", "HEAD"}}) == "pass");
  CHECK(f.check({{"url", f.zoo.url("/ok")}}) == "pass");  // after a HEAD and a POST with the same handle
  CHECK(f.check({{"url", f.zoo.url("/header")}, {"expect_headers", {{"X-Role", "primary"}}}}) == "pass");
  CHECK_THAT(f.check({{"url", f.zoo.url("/header")}, {"expect_headers", {{"X-Role", "standby"}}}}),
             StartsWith("fail: x-role is \"primary\""));
  CHECK_THAT(f.check({{"url", f.zoo.url("/slow")}, {"latency_limit", 100}}), StartsWith("degraded: took"));
  CHECK_THAT(f.check({{"url", f.zoo.url("/slow")}, {"latency_fail", 100}}), StartsWith("fail: took"));
}

TEST_CASE("http: connections are kept alive from one check to the next") {
  WithZoo f;
  const auto instance = f.made("http", "health", {{"url", f.zoo.url("/ok")}});
  const auto asks =
      f.made("http", "health", {{"url", f.zoo.url("/connections")}, {"body_contains", "{\"connections\": 1}"}});
  for (int i = 0; i < 5; ++i) CHECK(f.call(*instance, "health.check/1").value.at("outcome") == "pass");
  CHECK(f.call(*asks, "health.check/1").value.at("outcome") == "pass");
}

TEST_CASE("http: a pattern that is matched against much text neither crashes nor runs for ever") {
  WithZoo f;
  CHECK(f.check({{"url", f.zoo.url("/long")}, {"body_matches", "^a+$"}}) == "pass");
  CHECK_THAT(f.check({{"url", f.zoo.url("/long")}, {"body_matches", "^(a|b)*$"}}),
             StartsWith("fail: body_matches takes too long"));
  CHECK_THAT(f.check({{"url", f.zoo.url("/long")}, {"body_matches", "^(a+)+b$"}}), StartsWith("fail: "));
}
