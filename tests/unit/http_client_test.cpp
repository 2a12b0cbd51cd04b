// http.request/1 on real sockets.
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "core/host/http_client.hpp"
#include "core/web/http_server.hpp"
#include "tests/catch.hpp"

using namespace understudy;

TEST_CASE("a request on a socket whose number was given up while it was being connected is answered") {
  boost::asio::io_context loop;
  web::HttpServer server(loop, [](const web::Request&, const web::Send& send) { send({}); });
  REQUIRE_FALSE(server.listen_tcp({boost::asio::ip::make_address("127.0.0.1"), 0}));
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port()) + "/";
  host::Caller caller;
  const auto call = [&](std::function<void(sdk::Result)> done) {
    host::ServiceCall out;
    out.caller = &caller;
    out.method = "http.request/1";
    out.budget = Millis(5'000);
    out.params = {{"url", url}, {"timeout_ms", 5'000}};
    out.done = std::move(done);
    return out;
  };
  for (int turns = 0; turns < 6; ++turns) {
    host::HttpClient client(loop);  // has no connection that it could use again
    bool first = false, answered = false;
    // Given up after each of the turns of the loop that it takes, the one in which it is being connected among them.
    const auto ticket = client.start(call([&](const sdk::Result&) { first = true; }));
    for (int i = 0; i < turns && !first; ++i) loop.run_one();
    client.cancel(ticket);
    client.start(call([&](const sdk::Result& result) {
      CHECK(result.ok());
      answered = true;
    }));
    while (!answered) loop.run_one();
    CHECK(first);
  }
}
