// What the small server does when more ask than it has room for, and when its handler does not answer.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include "core/web/http_server.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using boost::asio::ip::tcp;

namespace {

struct Guest {
  tcp::socket socket;
  boost::asio::streambuf heard;

  Guest(boost::asio::io_context& loop, unsigned short port) : socket(loop) {
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }
  void ask() { boost::asio::write(socket, boost::asio::buffer(std::string("GET / HTTP/1.1\r\nHost: here\r\n\r\n"))); }
  /// The status line, or why there is none.
  std::string answer(boost::asio::io_context& loop) {
    std::optional<boost::system::error_code> ended;
    boost::asio::async_read_until(socket, heard, "\r\n",
                                  [&](const boost::system::error_code& error, std::size_t) { ended = error; });
    while (!ended) loop.run_one();
    if (*ended) return "closed";
    std::string line;
    std::istream in(&heard);
    std::getline(in, line);
    heard.consume(heard.size());
    return line.substr(0, 12);
  }
};

}  // namespace

TEST_CASE("who asks nothing makes room for who does") {
  boost::asio::io_context loop;
  web::HttpServer server(loop, [](const web::Request&, const web::Send& send) { send({}); }, {2, {}, [] {}});
  REQUIRE_FALSE(server.listen_tcp({boost::asio::ip::make_address("127.0.0.1"), 0}));
  Guest first(loop, server.port()), second(loop, server.port());
  first.ask();
  CHECK(first.answer(loop) == "HTTP/1.1 200");
  second.ask();
  CHECK(second.answer(loop) == "HTTP/1.1 200");
  Guest third(loop, server.port());
  third.ask();
  CHECK(third.answer(loop) == "HTTP/1.1 200");
  CHECK(first.answer(loop) == "closed");
  second.ask();
  CHECK(second.answer(loop) == "HTTP/1.1 200");
}

TEST_CASE("an answer that does not come is given up, and its place is free again") {
  boost::asio::io_context loop;
  std::vector<web::Send> unanswered;
  int refused = 0;
  web::HttpServer server(loop, [&](const web::Request&, const web::Send& send) { unanswered.push_back(send); },
                         {1, std::chrono::milliseconds(50), [&] { ++refused; }});
  REQUIRE_FALSE(server.listen_tcp({boost::asio::ip::make_address("127.0.0.1"), 0}));
  Guest first(loop, server.port());
  first.ask();
  while (unanswered.empty()) loop.run_one();
  Guest second(loop, server.port());
  second.ask();
  CHECK(second.answer(loop) == "closed");
  CHECK(refused == 1);
  CHECK(first.answer(loop) == "HTTP/1.1 503");
  unanswered.front()({});  // too late
  Guest third(loop, server.port());
  third.ask();
  CHECK(third.answer(loop) == "HTTP/1.1 503");
}
