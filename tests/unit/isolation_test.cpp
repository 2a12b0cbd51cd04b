// An isolated plugin may die at any moment: every call is answered once, nothing leaks, and the core goes on.
#include <dirent.h>
#include <signal.h>
#include <fstream>
#include <random>
#include <sstream>

#include <boost/asio/steady_timer.hpp>

#include "core/plugins/frame.hpp"
#include "core/plugins/log_budget.hpp"
#include "core/plugins/start_patience.hpp"
#include "tests/loader_fixture.hpp"
#include "tests/unit/captured.hpp"

using namespace understudy;
namespace fs = std::filesystem;
using Json = nlohmann::json;
using plugins::Frame;

namespace {

/// The plugin hosts that are children of this process.
std::vector<int> hosts() {
  std::vector<int> out;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ostringstream text;  // of one that ends meanwhile nothing, where a stream's iterator would throw
    text << std::ifstream(entry.path() / "stat").rdbuf();
    const std::string stat = text.str();
    const auto close = stat.rfind(')');
    if (close == std::string::npos) continue;
    char state = 0;
    int parent = 0;
    std::sscanf(stat.c_str() + close + 1, " %c %d", &state, &parent);
    if (parent == ::getpid() && state != 'Z') out.push_back(pid);
  }
  return out;
}

struct Isolated : test::Fixture {
  Isolated() : Fixture({fs::path(UNDERSTUDY_BINARY_DIR) / "test_plugins"}) {
    run([] { return hosts().empty(); });  // those of the test before may still be ending
  }
  std::unique_ptr<plugins::Instance> isolated(const std::string& what) {
    return made("misbehaves", "health", {{"what", what}}, "process");
  }
};

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("isolated: ten thousand calls with the process killed at random are each answered once") {
  Isolated f;
  const auto instance = f.isolated("");
  std::mt19937 random(20261121);
  INFO("seed 20261121");
  constexpr int calls = 10'000;
  int answered = 0, good = 0, kills = 0;
  std::vector<int> answers(calls, 0);
  (void)f.call(*instance, "health.check/1");
  const auto before = open_descriptors();
  for (int i = 0; i < calls; ++i) {
    instance->call("health.check/1", Json::object(), Millis(20'000), [&, i](const sdk::Result& r) {
      ++answers[static_cast<std::size_t>(i)];
      ++answered;
      good += r.ok();
      if (!r.ok()) CHECK((r.error.status == sdk::Status::unknown || r.error.status == sdk::Status::transient));
    });
    if (random() % 200 == 0) {
      for (const int pid : hosts()) {
        ::kill(pid, SIGKILL);
        ++kills;
      }
    }
    if (random() % 4 == 0) f.run([&] { return answered > i - static_cast<int>(random() % 8); });
  }
  f.run([&] { return answered == calls; });
  CHECK(std::ranges::all_of(answers, [](int n) { return n == 1; }));
  CHECK(kills > 10);
  CHECK(good > calls / 2);
  const auto& stats = *f.registry.stats().at("misbehaves");
  (void)f.call(*instance, "health.check/1");  // the last kill may not have been noticed before
  f.run([&] { return stats.restarts == stats.crashes; });
  CHECK(f.call(*instance, "health.check/1").ok());
  CHECK(open_descriptors() <= before + 2);
  CHECK(hosts().size() == 1);
  CHECK(stats.crashes > 0);
  CHECK(stats.restarts == stats.crashes);
}

TEST_CASE("isolated: a hanging call ends its process at its deadline, and another takes its place") {
  Isolated f;
  const auto hanging = f.isolated("hangs");
  CHECK(f.call(*hanging, "health.check/1", Json::object(), Millis(100)).error.status == sdk::Status::unknown);
  const auto& stats = *f.registry.stats().at("misbehaves");
  f.run([&] { return stats.restarts == 1; });
  CHECK(stats.crashes == 1);
}

TEST_CASE("isolated: a plugin that dies whenever it is asked rests, and says so") {
  Isolated f;
  const auto dying = f.isolated("dies");
  sdk::Result last;
  for (int i = 0; i < 6; ++i) last = f.call(*dying, "health.check/1", Json::object(), Millis(5'000));
  CHECK(last.error.status == sdk::Status::transient);
  CHECK_THAT(last.error.message, ContainsSubstring("again and again"));
}

TEST_CASE("isolated: a crash in create is an error of the configuration, told at once") {
  Isolated f;
  const auto began = std::chrono::steady_clock::now();
  const auto made = f.make("misbehaves", "health", {{"what", "dies-in-create"}}, "process");
  REQUIRE(std::holds_alternative<plugins::LoadError>(made));
  CHECK_THAT(std::get<plugins::LoadError>(made).message, ContainsSubstring("did not finish create()"));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(4));
}

TEST_CASE("isolated: one that floods the host with messages leaves the loop to the others") {
  Isolated f;
  const auto flooding = f.isolated("floods");
  REQUIRE(f.call(*flooding, "health.check/1").ok());
  boost::asio::steady_timer others(f.loop);
  for (int i = 0; i < 20; ++i) {
    const auto began = std::chrono::steady_clock::now();
    bool ran = false;
    others.expires_after(std::chrono::milliseconds(5));
    others.async_wait([&](const boost::system::error_code&) { ran = true; });
    f.run([&] { return ran; });
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(2));
  }
  CHECK(f.call(*flooding, "health.check/1").ok());
}

TEST_CASE("isolated: a flood in create ends when its time is over, and the plugin is not waited for again") {
  Isolated f;
  const auto began = std::chrono::steady_clock::now();
  const auto first = f.make("misbehaves", "health", {{"what", "floods-in-create"}}, "process");
  REQUIRE(std::holds_alternative<plugins::LoadError>(first));
  CHECK_THAT(std::get<plugins::LoadError>(first).message, ContainsSubstring("did not finish create()"));
  const auto took = std::chrono::steady_clock::now() - began;
  CHECK(took < plugins::start_patience + std::chrono::seconds(3));
  const auto again = f.make("misbehaves", "health", {{"what", ""}}, "process");
  REQUIRE(std::holds_alternative<plugins::LoadError>(again));
  CHECK_THAT(std::get<plugins::LoadError>(again).message, ContainsSubstring("not asked again"));
  CHECK(std::chrono::steady_clock::now() - began < took + std::chrono::seconds(1));
}

TEST_CASE("a log budget lets so many lines go in a second, and tells how many it dropped") {
  test::Captured captured;
  host::Logger log("info", "text");
  plugins::LogBudget budget(log, "svc/a");
  const auto now = std::chrono::steady_clock::now();
  int let = 0;
  for (int i = 0; i < 1'000; ++i) let += budget.take(now);
  const bool later = budget.take(now + std::chrono::seconds(1));
  const auto said = captured.text();
  CHECK(let == plugins::LogBudget::lines_a_second);
  CHECK(later);
  CHECK_THAT(said, ContainsSubstring("svc/a: 800 more lines were dropped"));
}

TEST_CASE("isolated: a message that is too large is answered for, in each direction, and the process goes on") {
  Isolated f;
  const Json much = {{"x", std::string(5 * 1024 * 1024, 'x')}};
  CHECK(f.call(*f.isolated(""), "health.check/1", much).error.status == sdk::Status::invalid);
  const auto answering = f.call(*f.isolated("answers-much"), "health.check/1").error;
  CHECK(answering.status == sdk::Status::unknown);
  CHECK_THAT(answering.message, ContainsSubstring("larger than 4 MiB"));
  const auto asking = f.call(*f.isolated("asks-much"), "health.check/1");
  REQUIRE(asking.ok());
  CHECK(asking.value.at("status") == "invalid");
  const auto told = f.call(*f.isolated("asks-for-much"), "health.check/1");
  REQUIRE(told.ok());
  CHECK(told.value.at("status") == "unknown");
  CHECK(told.value.at("kind") == "too_large");
  CHECK(f.registry.stats().at("misbehaves")->crashes == 0);
}

TEST_CASE("isolated: a crash is told with the method and the signal") {
  Isolated f;
  const auto dying = f.isolated("dies");
  const auto r = f.call(*dying, "health.check/1");
  CHECK(r.error.status == sdk::Status::unknown);
  CHECK_THAT(r.error.message, ContainsSubstring("crashed during health.check/1"));
}

TEST_CASE("isolated: the environment holds only what the file grants, and no descriptor of ours") {
  Isolated f;
  ::setenv("US_SECRET_OF_THE_CORE", "x", 1);
  ::setenv("US_GRANTED", "y", 1);
  config::PluginUse use;
  use.plugin = "misbehaves";
  use.settings = {{"what", "tells"}};
  use.isolation = "process";
  use.pass_env = {"US_GRANTED"};
  auto made = f.registry.make(f.wiring, use, "health", "svc/a", "svc", "a");
  REQUIRE(std::holds_alternative<std::unique_ptr<plugins::Instance>>(made));
  const auto told = f.call(*std::get<std::unique_ptr<plugins::Instance>>(made), "health.check/1");
  REQUIRE(told.ok());
  CHECK(told.value.at("env").get<std::string>().find("US_SECRET_OF_THE_CORE") == std::string::npos);
  CHECK(told.value.at("env").get<std::string>().find("US_GRANTED=y") != std::string::npos);
  CHECK(told.value.at("descriptors") == 4);  // 0, 1, 2 and the socket
}

TEST_CASE("isolated: the process ends with its instance") {
  Isolated f;
  auto instance = f.isolated("");
  CHECK(hosts().size() == 1);
  instance.reset();
  f.run([&] { return hosts().empty(); });
}

TEST_CASE("frames: what was encoded is read again, in pieces when it is long") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, plugins::largest_packet, std::size_t{1'000'000}}) {
    const Frame sent{Frame::Kind::call, 77, 1234, "standby.observe/1", std::string(size, 'x')};
    plugins::FrameReader reader;
    std::optional<Frame> read;
    for (const auto& packet : plugins::encode(sent)) {
      CHECK(packet.size() <= plugins::largest_packet);
      REQUIRE_FALSE(read);
      auto taken = reader.take(packet.data(), packet.size());
      REQUIRE_FALSE(std::holds_alternative<plugins::FrameReader::Broken>(taken));
      if (auto* frame = std::get_if<Frame>(&taken)) read = *frame;
    }
    REQUIRE(read);
    CHECK((read->op == 77 && read->number == 1234 && read->name == sent.name && read->body == sent.body));
  }
}

TEST_CASE("frames: one that is a packet is sent without being put together, and a longer one is not") {
  const auto pair = plugins::make_socket_pair();
  std::string received(plugins::largest_packet + 1, 'x');
  const std::size_t most = plugins::encode({Frame::Kind::call, 1, 1, "m", ""}).front().size();  // header and name
  for (const std::size_t size : {std::size_t{0}, std::size_t{1000}, plugins::largest_packet - most}) {
    const Frame sent{Frame::Kind::call, 77, 1234, "m", std::string(size, 'x')};
    REQUIRE(plugins::send_at_once(pair.ours, sent, MSG_DONTWAIT));
    const auto n = ::recv(pair.theirs, received.data(), received.size(), MSG_DONTWAIT);
    REQUIRE(n > 0);
    CHECK(received.substr(0, static_cast<std::size_t>(n)) == plugins::encode(sent).front());
  }
  const Frame longer{Frame::Kind::call, 77, 1234, "m", std::string(plugins::largest_packet - most + 1, 'x')};
  CHECK_FALSE(plugins::send_at_once(pair.ours, longer, MSG_DONTWAIT));
  CHECK(::recv(pair.theirs, received.data(), received.size(), MSG_DONTWAIT) < 0);
  ::close(pair.ours);
  ::close(pair.theirs);
}

TEST_CASE("frames: no packet from a stranger is believed") {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    plugins::FrameReader reader;
    auto packet = plugins::encode({Frame::Kind::complete, 1, 0, "x", "{}"}).front();
    for (int flips = 0; flips < 4; ++flips) packet[random() % packet.size()] = static_cast<char>(random());
    packet.resize(random() % (packet.size() + 1));
    const auto taken = reader.take(packet.data(), packet.size());
    if (const auto* frame = std::get_if<Frame>(&taken)) CHECK(frame->body.size() <= plugins::largest_frame_body);
  }
}
