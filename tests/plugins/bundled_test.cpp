// The bundled plugins through the real loader and the real host services.
#include <fstream>
#include <thread>

#include <sys/stat.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <csignal>

#include "tests/loader_fixture.hpp"

using namespace understudy;
namespace fs = std::filesystem;
namespace asio = boost::asio;
using asio::ip::tcp;
using Json = nlohmann::json;

namespace {

struct Bundled : test::Fixture {
  Bundled() : Fixture({fs::path(UNDERSTUDY_BINARY_DIR) / "plugins"}) { fs::create_directories(folder); }
  ~Bundled() {
    std::error_code ec;
    fs::remove_all(folder, ec);
  }
  fs::path folder = fs::temp_directory_path() /
                    ("understudy-plugins-" + std::to_string(::getpid()) + "-" + std::to_string(std::rand()));
};

/// A server that answers every connection with the same bytes and then does as it is told.
class Server {
 public:
  enum class Then { close, stay, endless };
  Server(std::string answer, Then then)
      : answer_(std::move(answer)), then_(then), acceptor_(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    stop_ = true;
    boost::system::error_code ec;
    asio::io_context poke;
    tcp::socket(poke).connect(acceptor_.local_endpoint(), ec);
    thread_.join();
  }
  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + path;
  }
  [[nodiscard]] unsigned short port() const { return acceptor_.local_endpoint().port(); }

 private:
  void serve() {
    while (!stop_) {
      boost::system::error_code ec;
      tcp::socket s(loop_);
      acceptor_.accept(s, ec);
      if (stop_ || ec) return;
      std::string request;
      asio::read_until(s, asio::dynamic_buffer(request), "\r\n\r\n", ec);
      asio::write(s, asio::buffer(answer_), ec);
      const std::string more(4096, 'x');
      while (then_ == Then::endless && !stop_ && !ec) asio::write(s, asio::buffer(more), ec);
      if (then_ == Then::stay) open_.push_back(std::move(s));
    }
  }
  std::string answer_;
  Then then_;
  std::atomic<bool> stop_{false};
  asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::vector<tcp::socket> open_;
  std::thread thread_;
};

std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string outcome(Bundled& f, Json settings, int timeout_ms = 10'000) {
  const auto instance = f.made("http", "health", std::move(settings));
  const auto r = f.call(*instance, "health.check/1", {{"timeout_ms", timeout_ms}}, Millis(timeout_ms));
  REQUIRE(r.ok());
  INFO(r.value.dump());
  return r.value.at("outcome").get<std::string>() + (r.value.at("verdict").get<bool>() ? "" : "?");
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}
std::string slurp(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("http: statuses, bodies and conditions give the outcome that people expect") {
  Bundled f;
  Server well(http(200, R"({"status": "healthy", "n": [1, 5], "lag": 3})"), Server::Then::close);
  CHECK(outcome(f, {{"url", well.url()}}) == "pass");
  CHECK(outcome(f, {{"url", well.url()}, {"json", {{"$.status", "healthy"}, {"$.n[1]", ">= 5"}, {"$.lag", "< 10"}}}}) ==
        "pass");
  CHECK(outcome(f, {{"url", well.url()}, {"json", {{"$.status", "starting"}}}}) == "fail");
  CHECK(outcome(f, {{"url", well.url()}, {"json", {{"$.absent", "exists"}}}}) == "fail");
  CHECK(outcome(f, {{"url", well.url()}, {"body_contains", "healthy"}}) == "pass");
  CHECK(outcome(f, {{"url", well.url()}, {"body_matches", "^no"}}) == "fail");
  CHECK(outcome(f, {{"url", well.url()}, {"status", Json::array({204, "3xx"})}}) == "fail");
  for (const auto& [status, expected] : {std::pair{500, "fail"},
                                         {503, "fail"},
                                         {404, "fail?"},
                                         {405, "fail?"},
                                         {401, "unknown?"},
                                         {429, "unknown?"},
                                         {301, "fail"}}) {
    Server s(http(status, ""), Server::Then::close);
    INFO(status);
    CHECK(outcome(f, {{"url", s.url()}}) == expected);
  }
}

TEST_CASE("http: hostile and slow servers end in time") {
  Bundled f;
  Server silent("", Server::Then::stay);
  CHECK(outcome(f, {{"url", silent.url()}}, 300) == "fail?");
  Server endless("HTTP/1.1 200 OK\r\n\r\n", Server::Then::endless);
  CHECK(outcome(f, {{"url", endless.url()}}) == "pass");
  Server garbage("no HTTP at all\n", Server::Then::close);
  CHECK(outcome(f, {{"url", garbage.url()}}) == "fail?");
  Server closes("", Server::Then::close);
  CHECK(outcome(f, {{"url", closes.url()}}) == "fail?");
  CHECK(outcome(f, {{"url", "http://127.0.0.1:1/"}}) == "fail?");
}

TEST_CASE("http: tcp checks connect, and wait for what they expect") {
  Bundled f;
  Server s("hello\n", Server::Then::stay);
  const std::string url = "tcp://127.0.0.1:" + std::to_string(s.port());
  CHECK(outcome(f, {{"url", url}}) == "pass");
  CHECK(outcome(f, {{"url", url}, {"send", "x\r\n\r\n"}, {"expect", "hello"}}) == "pass");
  CHECK(outcome(f, {{"url", url}, {"send", "x\r\n\r\n"}, {"expect", "goodbye"}}, 300) == "fail?");
  CHECK(outcome(f, {{"url", "tcp://127.0.0.1:1"}}) == "fail?");
}

TEST_CASE("process: starts once, refuses older epochs, and stops everything that it started") {
  Bundled f;
  // Ignores TERM, and has a child in a session of its own.
  const Json settings = {
      {"command", {"sh", "-c", "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 600\" & sleep 600"}},
      {"run_dir", f.folder.string()},
      {"started_after", 150}};
  const auto target = f.made("process", "target", settings);
  const auto state = [&] { return f.call(*target, "standby.observe/1").value.at("state").get<std::string>(); };
  CHECK(state() == "stopped");
  const Json go = {{"service", "svc"}, {"target", "a"}, {"epoch", 5}, {"operation", "op"}};
  REQUIRE(f.call(*target, "standby.activate/1", go).ok());
  const auto pid = Json::parse(slurp(f.folder / "svc-a.run.json")).at("pid").get<int>();
  REQUIRE(f.call(*target, "standby.activate/1", go).ok());
  CHECK(Json::parse(slurp(f.folder / "svc-a.run.json")).at("pid") == pid);
  CHECK(state() == "active");
  Json old = go;
  old["epoch"] = 4;
  CHECK(f.call(*target, "standby.activate/1", old).error.status == sdk::Status::conflict);
  CHECK(f.call(*target, "standby.deactivate/1", {{"epoch", 4}, {"grace_ms", 100}}).error.status ==
        sdk::Status::conflict);
  const auto stopped = f.call(*target, "standby.deactivate/1", {{"epoch", 5}, {"grace_ms", 200}});
  REQUIRE(stopped.ok());
  CHECK(stopped.value.at("stopped") == true);
  CHECK(state() == "stopped");
  CHECK(f.call(*target, "standby.deactivate/1", {{"epoch", 5}, {"grace_ms", 200}}).value.at("stopped") == true);
}

TEST_CASE("process: a record whose pid was given to somebody else counts for nothing") {
  Bundled f;
  const auto target = f.made("process", "target", {{"command", {"sleep", "600"}}, {"run_dir", f.folder.string()}});
  std::string boot = slurp("/proc/sys/kernel/random/boot_id");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  write(f.folder / "svc-a.run.json", Json{{"epoch", 3}, {"pid", ::getpid()}, {"start", 1}, {"boot", boot}}.dump());
  CHECK(f.call(*target, "standby.observe/1").value.at("state") == "stopped");
  CHECK(f.call(*target, "standby.deactivate/1", {{"epoch", 9}}).value.at("stopped") == true);  // and this test lives on
}

TEST_CASE("process: a command that ends at once, or does not exist, says so") {
  Bundled f;
  const auto dies = f.made(
      "process", "target",
      {{"command", {"sh", "-c", "echo no database; exit 3"}}, {"run_dir", f.folder.string()}, {"started_after", 2000}});
  const auto r = f.call(*dies, "standby.activate/1", {{"epoch", 1}});
  CHECK(r.error.status == sdk::Status::transient);
  CHECK_THAT(r.error.message, ContainsSubstring("no database"));
  const auto absent =
      f.made("process", "target", {{"command", {"no-such-program-here"}}, {"run_dir", f.folder.string()}});
  CHECK(f.call(*absent, "standby.activate/1", {{"epoch", 1}}).error.status == sdk::Status::invalid);
}

TEST_CASE("process: the end of a watched process is told at once") {
  Bundled f;
  const auto target = f.made("process", "target", {{"command", {"sleep", "600"}}, {"run_dir", f.folder.string()}});
  REQUIRE(f.call(*target, "standby.activate/1", {{"service", "svc"}, {"target", "a"}, {"epoch", 1}}).ok());
  const auto health = f.made("process", "health", {{"run_dir", f.folder.string()}});
  std::string hint;
  health->on_notify([&](std::string_view topic, const sdk::Json& p) {
    hint = std::string(topic) + (p.value("gone", false) ? " gone" : "");
  });
  REQUIRE(f.call(*health, "health.watch/1").ok());
  CHECK(f.call(*health, "health.check/1").value.at("outcome") == "pass");
  ::kill(Json::parse(slurp(f.folder / "svc-a.run.json")).at("pid").get<int>(), SIGKILL);
  f.run([&] { return !hint.empty(); });
  CHECK(hint == "health.hint gone");
  CHECK(f.call(*health, "health.check/1").value.at("outcome") == "fail");
}

TEST_CASE("process: health by pid file, by name and by number") {
  Bundled f;
  const auto target =
      f.made("process", "target", {{"command", {"sleep", "98765.4321"}}, {"run_dir", f.folder.string()}});
  REQUIRE(f.call(*target, "standby.activate/1", {{"service", "svc"}, {"target", "a"}, {"epoch", 1}}).ok());
  const int pid = Json::parse(slurp(f.folder / "svc-a.run.json")).at("pid").get<int>();
  const auto pid_file = f.folder / "pid";
  write(pid_file, std::to_string(pid) + "\n");
  const auto outcome_of = [&](Json settings) {
    const auto r = f.call(*f.made("process", "health", std::move(settings)), "health.check/1");
    REQUIRE(r.ok());
    return r.value.at("outcome").get<std::string>();
  };
  CHECK(outcome_of({{"pid_file", pid_file.string()}}) == "pass");
  CHECK(outcome_of({{"pid_file", pid_file.string()}, {"match", "no such name"}}) == "fail");
  CHECK(outcome_of({{"pid_file", (f.folder / "absent").string()}}) == "fail");
  CHECK(outcome_of({{"match", "sleep 98765.4321"}}) == "pass");
  CHECK(outcome_of({{"match", "/sleep 98765\\.4321$/"}}) == "pass");
  CHECK(outcome_of({{"match", "/sleep 11111$/"}}) == "fail");
  CHECK(outcome_of({{"match", "sleep 98765.4321"}, {"min_count", 2}}) == "fail");
  CHECK(outcome_of({{"match", "sleep 98765.4321"}, {"weak", true}}) == "degraded");
  CHECK(f.make("process", "health", Json::object()).index() == 1);  // nothing says how it is recognised
  CHECK(f.make("process", "health", {{"match", "/(/"}}).index() == 1);
  REQUIRE(f.call(*target, "standby.deactivate/1", {{"epoch", 1}, {"grace_ms", 1000}}).ok());
  CHECK(outcome_of({{"pid_file", pid_file.string()}}) == "fail");
}

TEST_CASE("local_dir: what was saved comes back, byte for byte, with modes and links") {
  Bundled f;
  const auto state = f.folder / "state";
  write(state / "a/b.txt", "hello");
  write(state / "empty", "");
  fs::create_directories(state / "folder");
  fs::create_symlink("../../outside", state / "link");
  ::chmod((state / "a/b.txt").c_str(), 0640);
  fs::last_write_time(state / "a/b.txt", fs::file_time_type::clock::now() - std::chrono::hours(1));  // it rests
  const auto store = f.made("local_dir", "state", {{"dir", (f.folder / "store").string()}});
  const auto push = [&](const std::string& id, int epoch) {
    return f.call(
        *store, "store.push/1",
        {{"service", "svc"}, {"id", id}, {"epoch", epoch}, {"paths", {{{"name", "state"}, {"path", state.string()}}}}});
  };
  const auto first = push("s1", 2);
  INFO(first.error.message);
  REQUIRE(first.ok());
  CHECK(first.value.at("files") == 2);
  CHECK(push("s1", 2).error.status == sdk::Status::conflict);
  CHECK(push("s0", 1).error.status == sdk::Status::conflict);  // an older epoch must not save over its successor
  write(state / "a/c.txt", "new");
  REQUIRE(push("s2", 2).ok());
  const auto data = f.folder / "store/svc/snapshots";
  struct stat one{}, two{};
  ::stat((data / "s1/data/state/a/b.txt").c_str(), &one);
  ::stat((data / "s2/data/state/a/b.txt").c_str(), &two);
  CHECK(one.st_ino == two.st_ino);  // unchanged: not copied again
  const auto staging = f.folder / "staging";
  fs::create_directories(staging);
  REQUIRE(f.call(*store, "store.pull/1", {{"service", "svc"}, {"id", "s2"}, {"staging", staging.string()}}).ok());
  CHECK(slurp(staging / "state/a/b.txt") == "hello");
  CHECK(slurp(staging / "state/a/c.txt") == "new");
  CHECK(fs::read_symlink(staging / "state/link") == "../../outside");
  CHECK(fs::is_directory(staging / "state/folder"));
  struct stat mode{};
  ::stat((staging / "state/a/b.txt").c_str(), &mode);
  CHECK((mode.st_mode & 0777) == 0640);
}

TEST_CASE("local_dir: a tampered or half-written snapshot is refused, and nothing unverified is left") {
  Bundled f;
  const auto state = f.folder / "state";
  write(state / "x", "value");
  const auto store = f.made("local_dir", "state", {{"dir", (f.folder / "store").string()}});
  for (const char* id : {"s1", "s2", "s3"}) {
    write(state / "x", std::string("value ") + id);
    REQUIRE(
        f.call(
             *store, "store.push/1",
             {{"service", "svc"}, {"id", id}, {"epoch", 1}, {"paths", {{{"name", "state"}, {"path", state.string()}}}}})
            .ok());
  }
  const auto data = f.folder / "store/svc/snapshots";
  ::chmod((data / "s1/data/state/x").c_str(), 0600);
  write(data / "s1/data/state/x", "other");
  write(data / "s2/manifest.json", slurp(data / "s2/manifest.json") + " ");
  fs::create_directories(data / ".incoming-s4/data");
  const auto staging = f.folder / "staging";
  for (const char* id : {"s1", "s2"}) {
    fs::create_directories(staging);
    INFO(id);
    CHECK(f.call(*store, "store.verify/1", {{"service", "svc"}, {"id", id}}).error.status == sdk::Status::invalid);
    CHECK(
        f.call(*store, "store.pull/1", {{"service", "svc"}, {"id", id}, {"staging", staging.string()}}).error.status ==
        sdk::Status::invalid);
    CHECK(fs::is_empty(staging));
  }
  for (const char* id : {"../s3", "/etc", ".incoming-s4", ""})
    CHECK(f.call(*store, "store.verify/1", {{"service", "svc"}, {"id", id}}).error.status == sdk::Status::invalid);
  const auto list = f.call(*store, "store.list/1", {{"service", "svc"}}).value.at("snapshots");
  REQUIRE(list.size() == 3);
  int damaged = 0;
  for (const auto& s : list) damaged += s.at("valid") == false;
  CHECK(damaged == 1);
}

TEST_CASE("local_dir: a folder that cannot be listed is an error, not an empty store") {
  Bundled f;
  const auto store = f.made("local_dir", "state", {{"dir", (f.folder / "store").string()}});
  CHECK(f.call(*store, "store.list/1", {{"service", "svc"}}).value.at("snapshots").empty());
  write(f.folder / "store/svc/snapshots", "a file in its place");
  const auto listed = f.call(*store, "store.list/1", {{"service", "svc"}});
  CHECK(listed.error.status == sdk::Status::transient);
  CHECK(listed.error.message.find("store/svc/snapshots") != std::string::npos);
}

TEST_CASE("local_dir: pruning keeps the newest valid ones, and everything young") {
  Bundled f;
  const auto state = f.folder / "state";
  write(state / "x", "value");
  const auto store = f.made("local_dir", "state", {{"dir", (f.folder / "store").string()}, {"fsync", false}});
  for (int i = 0; i < 5; ++i) {
    REQUIRE(f.call(*store, "store.push/1",
                   {{"service", "svc"},
                    {"id", "s" + std::to_string(i)},
                    {"epoch", 1},
                    {"paths", {{{"name", "state"}, {"path", state.string()}}}}})
                .ok());
  }
  CHECK(f.call(*store, "store.prune/1", {{"service", "svc"}, {"keep_days", 1}, {"keep_at_least", 1}})
            .value.at("removed")
            .empty());
  const auto dry =
      f.call(*store, "store.prune/1", {{"service", "svc"}, {"keep_days", 0}, {"keep_at_least", 2}, {"dry_run", true}});
  CHECK(dry.value.at("removed").size() == 3);
  const auto pruned = f.call(*store, "store.prune/1", {{"service", "svc"}, {"keep_days", 0}, {"keep_at_least", 2}});
  CHECK(pruned.value.at("removed") == dry.value.at("removed"));
  CHECK(f.call(*store, "store.list/1", {{"service", "svc"}}).value.at("snapshots").size() == 2);
}

TEST_CASE("log: alerts are appended to the file as lines of JSON") {
  Bundled f;
  const auto notifier = f.made("log", "notifier", {{"file", (f.folder / "alerts").string()}});
  for (const char* title : {"one", "two"})
    REQUIRE(f.call(*notifier, "notify.send/1", {{"alert", {{"id", "1"}, {"title", title}, {"severity", "critical"}}}})
                .ok());
  const auto text = slurp(f.folder / "alerts");
  CHECK(std::ranges::count(text, '\n') == 2);
  CHECK(Json::parse(text.substr(0, text.find('\n'))).at("title") == "one");
}

TEST_CASE("host: programs are run to their end, and killed with their children at their deadline") {
  Bundled f;
  const host::Caller caller{"test", "test", {}, {}};
  const auto run = [&](Json params, int budget_ms) {
    std::optional<sdk::Result> out;
    host::ServiceCall call;
    call.caller = &caller;
    call.method = "process.run/1";
    call.params = std::move(params);
    call.budget = Millis(budget_ms);
    call.done = [&](sdk::Result r) { out = std::move(r); };
    f.services->start(std::move(call));
    f.run([&] { return out.has_value(); });
    return *out;
  };
  const auto ok = run({{"argv", {"sh", "-c", "cat; echo err >&2; exit 3"}}, {"stdin", "text"}}, 20'000);
  REQUIRE(ok.ok());
  CHECK(ok.value.at("exit_code") == 3);
  CHECK(ok.value.at("stdout") == "text");
  CHECK(ok.value.at("stderr") == "err\n");
  CHECK(run({{"argv", {"no-such-program-here"}}}, 1000).error.kind == "not_found");
  CHECK(run({{"argv", {"sh", "-c", "trap '' TERM; sleep 600 & sleep 600"}}, {"kill_grace_ms", 100}}, 200).error.kind ==
        "timeout");
  CHECK(run({{"argv", {"sh", "-c", "yes | head -c 100000"}}, {"max_output", 1000}}, 20'000)
            .value.at("stdout")
            .get<std::string>()
            .size() == 1000);
}

TEST_CASE("host: secrets come from where they are said to be, and never reach the log") {
  Bundled f;
  write(f.folder / "key", "hush-hush\n");
  const host::Caller caller{"test",
                            "test",
                            {{"a", {config::SecretRef::Kind::file, (f.folder / "key").string()}},
                             {"b", {config::SecretRef::Kind::env, "UNDERSTUDY_NOT_SET"}}},
                            {}};
  const auto get = [&](const std::string& key) {
    std::optional<sdk::Result> out;
    f.services->start(
        {&caller, "secret.get/1", {{"key", key}}, Millis(1000), [&](sdk::Result r) { out = std::move(r); }, {}});
    REQUIRE(out);
    return *out;
  };
  CHECK(get("a").value.at("value") == "hush-hush");
  CHECK_THAT(get("b").error.message, ContainsSubstring("UNDERSTUDY_NOT_SET"));
  CHECK(get("c").error.status == sdk::Status::denied);
  CHECK(f.log.redact("the key is hush-hush.") == "the key is [secret].");
}
