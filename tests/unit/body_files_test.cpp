// http.request/1 with bodies from and to files, over real connections: any bytes arrive as they are, what is cut off
// leaves nothing, and memory does not grow with the file.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sstream>
#include <thread>

#include "core/host/body_files.hpp"
#include "core/host/real_services.hpp"
#include "tests/catch.hpp"

using namespace understudy;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr std::size_t large = 64 * 1024 * 1024;
constexpr std::size_t piece = 64 * 1024;

/// Every byte value, and lengths that no block size divides.
std::string any_bytes(std::size_t n) {
  std::string out(n, '\0');
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>((i * 31 + i / 256) & 0xFF);
  return out;
}

std::uint64_t sum_of(std::string_view bytes, std::uint64_t before = 7) {
  return std::accumulate(bytes.begin(), bytes.end(), before, [](std::uint64_t h, char c) {
    return (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  });
}

/// A web server of one thread. GET /bytes/N: N bytes; /cut: half of what it announces; /stall: a few bytes, then
/// silence; /error: 404 with a body; /large. POST and PUT: taken and kept; /twice answers the first one by closing the
/// connection.
class Server {
 public:
  Server() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&where), size) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    if (const int held = held_.exchange(-1); held >= 0) ::shutdown(held, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // Written before the answer is sent, read after it came.
  std::string body, head;
  std::uint64_t sum = 0;
  std::size_t bytes = 0;

 private:
  void serve() {
    for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(fd)) {
      held_ = fd;
      while (exchange(fd)) {
      }
      held_ = -1;
    }
  }
  static bool send_all(int fd, std::string_view text) {
    while (!text.empty()) {
      const auto n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  static bool reply(int fd, std::string_view content, std::size_t announced, const char* status = "200 OK") {
    return send_all(fd, std::string("HTTP/1.1 ") + status + "\r\nContent-Length: " + std::to_string(announced) +
                            "\r\n\r\n") &&
           send_all(fd, content);
  }
  bool exchange(int fd) {
    std::string got;
    std::array<char, piece> buffer{};
    std::size_t end = 0;
    while ((end = got.find("\r\n\r\n")) == std::string::npos) {
      const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n <= 0) return false;
      got.append(buffer.data(), static_cast<std::size_t>(n));
    }
    head = got.substr(0, end + 2);
    got.erase(0, end + 4);
    if (head.rfind("GET ", 0) == 0) return get(fd, head.substr(4, head.find(' ', 4) - 4));
    return take(fd, std::move(got), buffer);
  }
  bool take(int fd, std::string got, std::array<char, piece>& buffer) {
    const auto at = head.find("Content-Length: ");
    const std::size_t announced = at == std::string::npos ? 0 : std::stoull(head.substr(at + 16));
    if (head.find("Expect: 100-continue") != std::string::npos && !send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n"))
      return false;
    const bool keep = announced < large;
    body.clear();
    sum = sum_of(got);
    bytes = got.size();
    if (keep) body = got;
    while (bytes < announced) {
      const auto n = ::recv(fd, buffer.data(), std::min(buffer.size(), announced - bytes), 0);
      if (n <= 0) return false;
      const std::string_view more(buffer.data(), static_cast<std::size_t>(n));
      sum = sum_of(more, sum);
      bytes += more.size();
      if (keep) body += more;
    }
    return reply(fd, "taken", 5);
  }
  bool get(int fd, const std::string& path) {
    if (path.rfind("/bytes/", 0) == 0) {
      const auto content = any_bytes(std::stoull(path.substr(7)));
      return reply(fd, content, content.size());
    }
    if (path == "/error") return reply(fd, "no such thing", 13, "404 Not Found");
    if (path == "/cut") {
      (void)reply(fd, any_bytes(100'000), 200'000);
      return false;
    }
    if (path == "/stall") {
      (void)reply(fd, "some", 200'000);
      char c = 0;
      return ::recv(fd, &c, 1, 0) > 0;  // until the other side has enough
    }
    if (!send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(large) + "\r\n\r\n")) return false;
    const auto content = any_bytes(piece);
    for (std::size_t sent = 0; sent < large; sent += piece) {
      if (!send_all(fd, content)) return false;
    }
    return true;
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> held_{-1};
  std::thread thread_;
};

/// Host services on a loop, and a folder that goes with them.
struct World {
  World() {
    std::string name = (fs::temp_directory_path() / "understudy-bodies-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~World() { fs::remove_all(folder); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (folder / name).string(); }
  [[nodiscard]] std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name, std::ios::binary) << content;
    return path(name);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder / name, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  [[nodiscard]] bool nothing_there() const { return fs::is_empty(folder); }

  host::Services::Ticket start(Json params, Millis budget = Millis(20'000)) {
    answer.reset();
    return services->start({&caller,
                            "http.request/1",
                            std::move(params),
                            budget,
                            [this](sdk::Result r) {
                              REQUIRE(!answer.has_value());
                              answer = std::move(r);
                            },
                            {}});
  }
  template <class Fn>
  void run(Fn until) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!until()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(10));
    }
  }
  sdk::Result ask(Json params, Millis budget = Millis(20'000)) {
    (void)start(std::move(params), budget);
    run([this] { return answer.has_value(); });
    return *answer;
  }

  fs::path folder;
  boost::asio::io_context loop;
  host::Logger log{"error", "text"};
  std::unique_ptr<host::Services> services = host::make_services(loop, log);
  host::Caller caller{"test", "test", {}, {}};
  std::optional<sdk::Result> answer;
};

/// The most memory that this process ever held at once, in bytes.
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace

TEST_CASE("body files: any bytes go up and come down as they are") {
  Server server;
  World w;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{255}, std::size_t{65'537},
                                 std::size_t{1'000'003}}) {
    const auto content = any_bytes(size);
    CAPTURE(size);
    REQUIRE(w.ask({{"url", server.url("/")}, {"method", "POST"}, {"body_base64", host::encode_base64(content)}}).ok());
    CHECK((server.bytes == size && server.body == content));
    REQUIRE(w.ask({{"url", server.url("/")}, {"method", "PUT"}, {"body_file", w.write("up", content)}}).ok());
    CHECK((server.bytes == size && server.body == content));
    CHECK_THAT(server.head, StartsWith("PUT "));
    const auto down = w.ask({{"url", server.url("/bytes/" + std::to_string(size))}, {"to_file", w.path("down")}});
    REQUIRE(down.ok());
    CHECK(down.value.at("bytes") == size);
    CHECK(down.value.at("body") == "");
    CHECK(w.read("down") == content);
    CHECK(fs::status(w.folder / "down").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    fs::remove(w.folder / "down");
  }
}

TEST_CASE("body files: the verb is the one that was asked for, and the connection serves again") {
  Server server;
  World w;
  const auto file = w.write("up", "content");
  for (const char* verb : {"POST", "PUT", "PATCH"}) {
    REQUIRE(w.ask({{"url", server.url("/")}, {"method", verb}, {"body_file", file}}).ok());
    CHECK_THAT(server.head, StartsWith(std::string(verb) + " "));
    CHECK(server.body == "content");
  }
  // Nothing of an upload or a download stays with the handle.
  const auto plain = w.ask({{"url", server.url("/bytes/3")}});
  REQUIRE(plain.ok());
  CHECK(plain.value.at("status") == 200);
  CHECK_FALSE(plain.value.contains("bytes"));
  CHECK_THAT(server.head, StartsWith("GET "));
}

TEST_CASE("body files: what cannot be sent is said, and nothing is sent") {
  Server server;
  World w;
  fs::create_directory(w.folder / "folder");
  for (const auto& bad : {w.path("missing"), w.path("folder")}) {
    const auto r = w.ask({{"url", server.url("/")}, {"method", "POST"}, {"body_file", bad}});
    CHECK(r.error.status == sdk::Status::invalid);
    CHECK_THAT(r.error.message, ContainsSubstring("cannot read " + bad));
  }
  for (const char* bad : {"abc", "ab=c", "%%%%", "=AAA", "A===", " AAA", "AAA\n"}) {
    const auto r = w.ask({{"url", server.url("/")}, {"method", "POST"}, {"body_base64", bad}});
    CAPTURE(bad);
    CHECK(r.error.status == sdk::Status::invalid);
    CHECK_THAT(r.error.message, ContainsSubstring("no base64"));
  }
  CHECK(server.head.empty());
}

TEST_CASE("body files: a file that is there is never written over") {
  Server server;
  World w;
  const auto there = w.write("there", "of somebody else");
  fs::create_symlink(w.path("nowhere"), w.folder / "link");
  for (const auto& bad : {there, w.path("link"), w.path("no/such/folder")}) {
    const auto r = w.ask({{"url", server.url("/bytes/10")}, {"to_file", bad}});
    CHECK(r.error.status == sdk::Status::invalid);
    CHECK_THAT(r.error.message, ContainsSubstring("cannot create " + bad));
  }
  CHECK(w.read("there") == "of somebody else");
  CHECK_FALSE(fs::exists(w.folder / "nowhere"));
  CHECK(server.head.empty());
}

TEST_CASE("body files: an interrupted download leaves no file") {
  Server server;
  World w;
  SECTION("cut off by the server") {
    const auto r = w.ask({{"url", server.url("/cut")}, {"to_file", w.path("down")}});
    CHECK(r.error.status == sdk::Status::transient);
    CHECK(r.error.kind == "closed");
  }
  SECTION("out of time") {
    const auto r = w.ask({{"url", server.url("/stall")}, {"to_file", w.path("down")}}, Millis(200));
    CHECK(r.error.kind == "timeout");
  }
  SECTION("cancelled on the way") {
    const auto ticket = w.start({{"url", server.url("/stall")}, {"to_file", w.path("down")}});
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    w.run([&] { return std::chrono::steady_clock::now() > end; });
    w.services->cancel(ticket);
    w.run([&] { return w.answer.has_value(); });
    CHECK(w.answer->error.kind == "cancelled");
  }
  SECTION("nobody is there") {
    const auto r = w.ask({{"url", "http://127.0.0.1:1/"}, {"to_file", w.path("down")}});
    CHECK(r.error.kind == "refused");
  }
  SECTION("the host ends meanwhile") {
    (void)w.start({{"url", server.url("/stall")}, {"to_file", w.path("down")}});
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
    w.run([&] { return std::chrono::steady_clock::now() > end; });
    w.services.reset();
  }
  SECTION("an error's words are for the caller to read") {
    const auto r = w.ask({{"url", server.url("/error")}, {"to_file", w.path("down")}});
    REQUIRE(r.ok());
    CHECK(r.value.at("status") == 404);
    CHECK(r.value.at("body") == "no such thing");
    CHECK_FALSE(r.value.contains("bytes"));
  }
  CHECK(w.nothing_there());
}

TEST_CASE("body files: while it comes, a download has not its final name") {
  Server server;
  World w;
  (void)w.start({{"url", server.url("/stall")}, {"to_file", w.path("down")}});
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  w.run([&] { return std::chrono::steady_clock::now() > end; });
  CHECK_FALSE(fs::exists(w.folder / "down"));
}

TEST_CASE("body files: what another wrote meanwhile stays") {
  Server server;
  World w;
  const auto ticket = w.start({{"url", server.url("/large")}, {"to_file", w.path("down")}});
  (void)w.write("down", "of somebody else");
  w.run([&] { return w.answer.has_value(); });
  (void)ticket;
  CHECK(w.answer->error.status == sdk::Status::transient);
  CHECK_THAT(w.answer->error.message, ContainsSubstring("File exists"));
  CHECK(w.read("down") == "of somebody else");
  fs::remove(w.folder / "down");
  CHECK(w.nothing_there());
}

TEST_CASE("body files: memory does not grow with the file") {
  Server server;
  World w;
  std::uint64_t expected = 7;
  {
    const auto block = any_bytes(piece);
    std::ofstream out(w.folder / "up", std::ios::binary);
    for (std::size_t i = 0; i < large / piece; ++i) {
      out << block;
      expected = sum_of(block, expected);
    }
  }
  const auto before = peak_memory();
  const auto up = w.ask({{"url", server.url("/")}, {"method", "POST"}, {"body_file", w.path("up")}}, Millis(60'000));
  REQUIRE(up.ok());
  CHECK(server.bytes == large);
  CHECK(server.sum == expected);
  const auto down = w.ask({{"url", server.url("/large")}, {"to_file", w.path("down")}}, Millis(60'000));
  REQUIRE(down.ok());
  CHECK(down.value.at("bytes") == large);
  CHECK(peak_memory() - before < large / 4);
  std::ifstream in(w.folder / "down", std::ios::binary);
  std::string block(piece, '\0');
  std::uint64_t sum = 7;
  while (in.read(block.data(), static_cast<std::streamsize>(block.size()))) sum = sum_of(block, sum);
  CHECK(sum == expected);
}

TEST_CASE("base64 goes there and back") {
  for (std::size_t size = 0; size < 70; ++size)
    CHECK(host::decode_base64(host::encode_base64(any_bytes(size))) == any_bytes(size));
  CHECK(host::encode_base64("Man") == "TWFu");
  CHECK(host::encode_base64("Ma") == "TWE=");
  CHECK(host::encode_base64("M") == "TQ==");
}
