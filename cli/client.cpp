#include "cli/client.hpp"

#include <fstream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace understudy::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::uint64_t largest_answer = 256 * 1024 * 1024;
constexpr const char* as_its_user = "run this as the user that the orchestrator runs as";

/// One exchange on a loop of its own.
struct Exchange {
  asio::io_context loop;
  beast::basic_stream<asio::local::stream_protocol> stream{loop};
  http::request<http::string_body> request;
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  boost::system::error_code error;

  void run(const std::string& socket, std::chrono::milliseconds timeout) {
    parser.body_limit(largest_answer);
    stream.expires_after(timeout);
    stream.async_connect(asio::local::stream_protocol::endpoint(socket), [this](const boost::system::error_code& e) {
      if (e) return void(error = e);
      http::async_write(stream, request, [this](const boost::system::error_code& e2, std::size_t) {
        if (e2) return void(error = e2);
        http::async_read(stream, buffer, parser,
                         [this](const boost::system::error_code& e3, std::size_t) { error = e3; });
      });
    });
    loop.run();
  }
};

Unreachable without_token(const std::filesystem::path& data_dir) {
  const auto file = data_dir / "api.token";
  std::error_code ec;
  // A folder that we may not enter does not say what it has.
  const bool there = std::filesystem::exists(file, ec) || ec == std::errc::permission_denied;
  if (there) return {"cannot read " + file.string(), as_its_user};
  return {"no orchestrator has run with the data_dir " + data_dir.string(),
          "start it with `understudy run`, or name its file with -c"};
}

Unreachable without_answer(const boost::system::error_code& error, const std::string& socket, bool only_looks,
                           std::chrono::milliseconds waited) {
  if (error == beast::error::timeout)
    return {
        "the orchestrator has not answered at " + socket + " within " + std::to_string(waited.count() / 1000) + " s",
        only_looks ? "its log says what keeps it"
                   : "what was asked may still be done: `understudy status` and `understudy history` say so",
        true};
  const std::string message = "the orchestrator does not answer at " + socket + ": " + error.message();
  if (error == boost::system::errc::permission_denied) return {message, as_its_user};
  return {message, "is it running? start it with `understudy run`"};
}

}  // namespace

std::variant<Reply, Unreachable> Client::request(const std::string& method, const std::string& path,
                                                 const nlohmann::json& body, std::chrono::milliseconds timeout) const {
  const auto socket = (data_dir_ / "understudy.sock").string();
  std::string token;
  std::ifstream in(data_dir_ / "api.token");
  if (!std::getline(in, token)) return without_token(data_dir_);
  Exchange x;
  x.request = {http::string_to_verb(method), path, 11};
  x.request.set(http::field::host, "understudy");
  x.request.set(http::field::authorization, "Bearer " + token);
  if (!body.is_null()) {
    x.request.set(http::field::content_type, "application/json");
    x.request.body() = body.dump();
  }
  x.request.prepare_payload();
  x.run(socket, timeout);
  if (x.error) return without_answer(x.error, socket, method == "GET", timeout);
  Reply out;
  out.status = x.parser.get().result_int();
  out.body = nlohmann::json::parse(x.parser.get().body(), nullptr, false);
  return out;
}

}  // namespace understudy::cli
