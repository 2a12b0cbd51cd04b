// What an instance asks of its host: whatever it sends is answered once, and neither ends the core nor goes on behind
// its back.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/host/real_services.hpp"
#include "core/plugins/host_calls.hpp"
#include "tests/catch.hpp"

using namespace understudy;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

struct Asking {
  boost::asio::io_context loop;
  host::Logger log{"error", "text"};
  std::unique_ptr<host::Services> services = host::make_services(loop, log);
  std::map<us_op, std::vector<sdk::Result>> answers;
  std::vector<std::string> order;  ///< of items and answers
  plugins::HostCalls calls;
  us_op last = 0;

  explicit Asking(host::Caller caller = {"p", "svc/a", {}, {}})
      : calls(
            {loop, *services, log}, std::move(caller),
            [this](us_op op, std::int32_t status, const std::string& body) { take(op, status, body); },
            [this](const char*, const std::string& body) {
              order.push_back(Json::parse(body).value("line", "status"));
            }) {}

  void take(us_op op, std::int32_t status, const std::string& body) {
    const auto parsed = Json::parse(body);
    order.emplace_back("answer");
    answers[op].push_back(status == US_OK ? sdk::Result{parsed}
                                          : sdk::Result{{}, sdk::Error::from_json(sdk::status_from(status), parsed)});
  }
  us_op begin(const char* method, const Json& params, Millis budget = Millis(20'000)) {
    calls.serve(++last, method, params.dump(), budget);
    return last;
  }
  sdk::Result ask(const char* method, const Json& params, Millis budget = Millis(20'000)) {
    const auto op = begin(method, params, budget);
    run([&] { return answers.contains(op); });
    REQUIRE(answers.at(op).size() == 1);
    return answers.at(op).front();
  }
  template <class Fn>
  void run(Fn until) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!until()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(20));
    }
  }
};

/// A listener that takes connections and says nothing.
struct Silent {
  boost::asio::ip::tcp::acceptor acceptor;
  explicit Silent(boost::asio::io_context& loop) : acceptor(loop, {boost::asio::ip::make_address("127.0.0.1"), 0}) {}
  [[nodiscard]] int port() const { return acceptor.local_endpoint().port(); }
};

}  // namespace

TEST_CASE("host calls: a parameter of a wrong type is told before anything is done, whenever it would be read") {
  Asking f;
  const Silent listener(f.loop);
  const Json there = {{"host", "127.0.0.1"}, {"port", listener.port()}};
  const std::pair<const char*, Json> wrong_of_tcp[] = {
      {"send", 5},          {"expect", 5},      {"max_bytes", "many"},
      {"timeout_ms", "2s"}, {"port", "http"},   {"port", 70'000},
      {"host", 5},          {"unix_socket", 5}, {"unix_socket", std::string(300, 'x')}};
  for (const auto& [key, value] : wrong_of_tcp) {
    INFO(key << " " << value);
    auto params = there;
    params[key] = value;
    CHECK(f.ask("tcp.connect/1", params).error.status == sdk::Status::invalid);
  }
  const auto mark = fs::temp_directory_path() / ("understudy-ran-" + std::to_string(::getpid()));
  const std::pair<const char*, Json> wrong_of_run[] = {
      {"kill_grace_ms", "2s"}, {"timeout_ms", "2s"}, {"max_output", "all"}, {"stream", 1}, {"stdin", 1}, {"env", 1}};
  for (const auto& [key, value] : wrong_of_run) {
    INFO(key);
    CHECK(f.ask("process.run/1", {{"argv", {"touch", mark.string()}}, {key, value}}).error.status ==
          sdk::Status::invalid);
  }
  f.loop.restart();
  f.loop.run_for(std::chrono::milliseconds(200));  // what was begun after all would show now
  CHECK_FALSE(fs::exists(mark));
  for (const auto& [op, given] : f.answers) CHECK(given.size() == 1);
}

TEST_CASE("host calls: a program of an isolated plugin gets what the plugin was given, and nothing else of ours") {
  ::setenv("US_OF_THE_CORE", "x", 1);
  const auto environment_of = [](Asking& f) {
    return f.ask("process.run/1", {{"argv", {"env"}}, {"env", {{"ADDED", "1"}, {"TZ", "asked"}}}})
        .value.at("stdout")
        .get<std::string>();
  };
  Asking ours;
  CHECK_THAT(environment_of(ours), ContainsSubstring("US_OF_THE_CORE=x"));
  Asking isolated({"p", "svc/a", {}, {}, {{{"PATH", "/usr/bin:/bin"}, {"TZ", "given"}}}});
  const auto told = environment_of(isolated);
  CHECK(told.find("US_OF_THE_CORE") == std::string::npos);
  for (const char* there : {"PATH=/usr/bin:/bin", "ADDED=1", "TZ=asked"}) CHECK_THAT(told, ContainsSubstring(there));
}
