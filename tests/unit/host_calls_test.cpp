// What an instance asks of its host: whatever it sends is answered once, and neither ends the core nor goes on behind
// its back.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "core/host/params.hpp"
#include "core/host/real_services.hpp"
#include "core/plugins/host_calls.hpp"
#include "core/web/http_server.hpp"
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

host::Caller in_process_of_its_own(std::map<std::string, std::string> environment) {
  host::Caller out{"p", "svc/a", {}, {}};
  out.environment = std::move(environment);
  return out;
}

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
  Asking isolated(in_process_of_its_own({{"PATH", "/usr/bin:/bin"}, {"TZ", "given"}}));
  const auto told = environment_of(isolated);
  CHECK(told.find("US_OF_THE_CORE") == std::string::npos);
  for (const char* there : {"PATH=/usr/bin:/bin", "ADDED=1", "TZ=asked"}) CHECK_THAT(told, ContainsSubstring(there));
}

TEST_CASE("host calls: what a stopped program has started ends with it, also what ignores TERM") {
  Asking f;
  const auto left = fs::temp_directory_path() / ("understudy-left-" + std::to_string(::getpid()));
  // The leader obeys; its child does not, and would outlive it.
  const std::string child = "trap '' TERM; echo \\$\\$ > " + left.string() + "; exec sleep 30";
  for (const char* output : {"", " >/dev/null 2>&1"}) {
    fs::remove(left);
    const std::string leader = "sh -c \"" + child + "\"" + output + " & wait";
    const Json argv = {"sh", "-c", leader};
    const auto op = f.begin("process.run/1", {{"argv", argv}, {"kill_grace_ms", 300}});
    f.run([&] { return fs::exists(left) && fs::file_size(left) > 1; });
    int pid = 0;
    std::ifstream(left) >> pid;
    REQUIRE(::kill(pid, 0) == 0);
    f.calls.cancel(op);
    f.run([&] { return f.answers.contains(op); });
    CHECK(f.answers.at(op).front().error.status == sdk::Status::unknown);
    f.run([&] {  // gone, or a zombie that its new parent has not looked at yet
      std::ostringstream stat;
      stat << std::ifstream("/proc/" + std::to_string(pid) + "/stat").rdbuf();
      return stat.str().empty() || stat.str().find(") Z ") != std::string::npos;
    });
  }
  fs::remove(left);
}

TEST_CASE("host calls: a program that ends within its grace is not killed, and neither is what it has started") {
  Asking f;
  const Json argv = {"sh", "-c",
                     "sh -c 'trap \"sleep 0.2; echo tidied up; exit\" TERM; echo up; sleep 30 & wait' & wait"};
  const auto op = f.begin("process.run/1", {{"argv", argv}, {"stream", "lines"}});
  f.run([&] { return !f.order.empty(); });
  f.calls.cancel(op);
  f.run([&] { return f.answers.contains(op); });
  CHECK(std::ranges::count(f.order, "tidied up") == 1);
}

TEST_CASE("host calls: a timeout of nothing, or of more than curl can count, is a timeout all the same") {
  Asking f;
  Silent listener(f.loop);
  const auto url = "http://127.0.0.1:" + std::to_string(listener.port()) + "/";
  CHECK(f.ask("http.request/1", {{"url", url}, {"timeout_ms", 0}}).error.kind == "timeout");
  CHECK(f.ask("http.request/1", {{"url", url}, {"timeout_ms", 100}, {"connect_timeout_ms", 1e300}}).error.kind ==
        "timeout");
  CHECK(f.ask("http.request/1", {{"url", url}, {"timeout_ms", -5}}, Millis(200)).error.kind == "timeout");
}

TEST_CASE("host calls: a connection to an address waits for no resolver") {
  Asking f;
  const Silent listener(f.loop);
  const auto threads = [] {
    return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
  };
  const auto before = threads();
  const auto there = f.ask("tcp.connect/1", {{"host", "127.0.0.1"}, {"port", listener.port()}});
  REQUIRE(there.ok());
  CHECK(there.value.at("remote_ip") == "127.0.0.1");
  CHECK(threads() == before);  // Asio starts the resolver's thread with the first name
  CHECK(f.ask("tcp.connect/1", {{"host", "localhost"}, {"port", listener.port()}}).ok());
}

TEST_CASE("host calls: every item of a stream comes before its answer, also a last line without an end") {
  Asking f;
  const Json ask = {{"argv", {"sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do echo $i; done; printf last"}},
                    {"stream", "lines"}};
  CHECK(f.ask("process.run/1", ask).ok());
  CHECK(f.order == std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9", "last", "answer"});

  f.order.clear();
  web::HttpServer server(f.loop, [](const web::Request&, const web::Send& send) {
    web::Response out;
    out.body = "one\ntwo";
    send(out);
  });
  REQUIRE_FALSE(server.listen_tcp({boost::asio::ip::make_address("127.0.0.1"), 0}));
  const auto url = "http://127.0.0.1:" + std::to_string(server.port()) + "/";
  CHECK(f.ask("http.request/1", {{"url", url}, {"stream", "lines"}}).ok());
  CHECK(f.order == std::vector<std::string>{"status", "one", "two", "answer"});
}

TEST_CASE("host calls: so many may be under way, and one more is told at once") {
  Asking f;
  for (int i = 0; i < 1024; ++i) f.begin("timer.after/1", {{"ms", 60'000}});
  CHECK(f.answers.empty());
  const auto refused = f.ask("timer.after/1", {{"ms", 1}}).error;
  CHECK(refused.status == sdk::Status::transient);
  CHECK(refused.kind == "busy");
  f.calls.cancel(1);
  CHECK(f.ask("timer.after/1", {{"ms", 1}}).ok());
}

TEST_CASE("host calls: what is kept of an answer for an isolated plugin is bounded, whatever it asks for") {
  const auto isolated = in_process_of_its_own({});
  const host::Caller ours{"p", "svc/a", {}, {}};
  const Json asked = {{"max_output", 1'000'000'000}};
  CHECK(host::kept_bytes(&isolated, asked, "max_output") == 64 * 1024 * 1024);
  CHECK(host::kept_bytes(&ours, asked, "max_output") == 1'000'000'000);
  CHECK(host::kept_bytes(&isolated, Json::object(), "max_output") == 1024 * 1024);
}
