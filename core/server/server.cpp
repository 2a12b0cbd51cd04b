#include "core/server/server.hpp"

#include <set>

#include <sys/stat.h>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "core/host/memory.hpp"
#include "core/server/routes.hpp"
#include "core/server/token.hpp"

namespace understudy::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using unix_stream = asio::local::stream_protocol;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

constexpr std::size_t most_connections = 128;
constexpr std::uint64_t largest_body = 64 * 1024;
constexpr std::size_t large_answer = 1024 * 1024;
constexpr std::uint32_t largest_header = 16 * 1024;
constexpr auto read_timeout = std::chrono::seconds(15);
constexpr auto write_timeout = std::chrono::seconds(30);

bool host_allowed(std::string_view host) {
  if (host.empty()) return true;
  if (host.front() == '[') return host.substr(0, host.find(']') + 1) == "[::1]";
  const auto name = host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1" || name == "understudy";
}

}  // namespace

class Session;

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  asio::io_context& loop;
  runtime::Control& control;
  host::Logger& log;
  std::string token;
  std::filesystem::path socket_file;
  unix_stream::acceptor unix_acceptor;
  tcp::acceptor tcp_acceptor;
  std::set<std::shared_ptr<Session>> sessions;
  bool stopped = false;

  Impl(asio::io_context& l, runtime::Control& c, host::Logger& g)
      : loop(l), control(c), log(g), unix_acceptor(l), tcp_acceptor(l) {}

  std::optional<std::string> open_unix();
  std::optional<std::string> open_tcp(const std::string& listen);
  template <class Acceptor>
  void accept(Acceptor& acceptor);
};

/// One connection: requests one after the other.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Stream stream, std::weak_ptr<Server::Impl> server) : stream_(std::move(stream)), server_(std::move(server)) {}

  void read() {
    parser_.emplace();
    parser_->body_limit(largest_body);
    parser_->header_limit(largest_header);
    stream_.expires_after(read_timeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                       if (error == http::error::body_limit)
                         return self->send(error_response(413, "too_large", "the body is larger than 64 KiB"), false);
                       if (error) return self->close();
                       self->serve();
                     });
  }

  void close() {
    boost::system::error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    stream_.socket().close(ignored);
    if (const auto server = server_.lock()) server->sessions.erase(shared_from_this());
  }

 private:
  void serve() {
    const auto server = server_.lock();
    if (!server) return close();
    const auto& message = parser_->get();
    const bool keep = message.keep_alive();
    const std::string target(message.target());
    const auto question = std::min(target.find('?'), target.size());
    Request request{std::string(message.method_string()), target.substr(0, question),
                    question < target.size() ? target.substr(question + 1) : "", message.body()};
    if (request.path == "/healthz") return send({200, {{"status", "ok"}}}, keep);
    if (!host_allowed(std::string_view(message[http::field::host])))
      return send(error_response(403, "host", "this name is not served here"), false);
    if (!message[http::field::origin].empty())
      return send(error_response(403, "origin", "pages of other origins may not use this API"), false);
    const std::string_view authorization(message[http::field::authorization]);
    if (!same_secret(authorization, "Bearer " + server->token))
      return send(error_response(401, "token", "the token is missing or wrong", "it is in api.token in the data_dir"),
                  false);
    stream_.expires_never();  // a long poll may take its time
    handle(server->control, request,
           [self = shared_from_this(), keep](const Response& response) { self->send(response, keep); });
  }

  void send(const Response& response, bool keep) {
    response_.emplace();
    response_->version(11);
    response_->result(static_cast<unsigned>(response.status));
    response_->set(http::field::content_type, "application/json");
    response_->set(http::field::cache_control, "no-store");
    response_->keep_alive(keep);
    response_->body() = response.body.dump(-1, ' ', false, sdk::Json::error_handler_t::replace) + "\n";
    response_->prepare_payload();
    stream_.expires_after(write_timeout);
    http::async_write(stream_, *response_,
                      [self = shared_from_this(), keep](const boost::system::error_code& error, std::size_t) {
                        const bool large = self->response_->body().size() > large_answer;
                        self->response_.reset();
                        if (large) host::give_back_memory();
                        if (error || !keep) return self->close();
                        self->read();
                      });
  }

  Stream stream_;
  std::weak_ptr<Server::Impl> server_;
  beast::flat_buffer buffer_{largest_header + largest_body};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

template <class Acceptor>
void Server::Impl::accept(Acceptor& acceptor) {
  acceptor.async_accept([weak = weak_from_this(), &acceptor](const boost::system::error_code& error,
                                                             typename Acceptor::protocol_type::socket socket) {
    const auto self = weak.lock();
    if (!self || self->stopped || error == asio::error::operation_aborted) return;
    if (!error && self->sessions.size() < most_connections) {
      auto session = std::make_shared<Session>(Stream(asio::generic::stream_protocol::socket(std::move(socket))), self);
      self->sessions.insert(session);
      session->read();
    }
    self->accept(acceptor);
  });
}

std::optional<std::string> Server::Impl::open_unix() {
  boost::system::error_code ec;
  unix_stream::socket probe(loop);
  probe.connect(unix_stream::endpoint(socket_file.string()), ec);
  if (!ec) return "something already answers at " + socket_file.string();
  std::error_code ignored;
  std::filesystem::remove(socket_file, ignored);
  const auto old_mask = ::umask(0177);
  unix_acceptor.open(unix_stream(), ec);
  if (!ec) unix_acceptor.bind(unix_stream::endpoint(socket_file.string()), ec);
  if (!ec) unix_acceptor.listen(asio::socket_base::max_listen_connections, ec);
  ::umask(old_mask);
  if (ec) return "cannot listen at " + socket_file.string() + ": " + ec.message();
  accept(unix_acceptor);
  return std::nullopt;
}

std::optional<std::string> Server::Impl::open_tcp(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return "listen = \"" + listen + "\" must be ADDRESS:PORT";
  std::string host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
  if (ec || !address.is_loopback())
    return "listen = \"" + listen +
           "\": only loopback addresses are served; put a proxy with its own access control in front";
  const int port = std::atoi(listen.c_str() + colon + 1);
  if (port < 0 || port > 65535) return "listen = \"" + listen + "\": no such port";
  const tcp::endpoint endpoint(address, static_cast<unsigned short>(port));
  tcp_acceptor.open(endpoint.protocol(), ec);
  if (!ec) tcp_acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) tcp_acceptor.bind(endpoint, ec);
  if (!ec) tcp_acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return "cannot listen at " + listen + ": " + ec.message();
  accept(tcp_acceptor);
  return std::nullopt;
}

Server::Server(asio::io_context& loop, runtime::Control& control, host::Logger& log)
    : impl_(std::make_shared<Impl>(loop, control, log)) {}
Server::~Server() { stop(); }

std::optional<std::string> Server::start(const Options& options) {
  const auto token = load_or_make_token(options.data_dir / "api.token");
  if (!token) return "cannot write " + (options.data_dir / "api.token").string();
  impl_->token = *token;
  impl_->log.add_secret(*token);
  impl_->socket_file = options.data_dir / "understudy.sock";
  if (auto problem = impl_->open_unix()) return problem;
  if (!options.listen.empty()) return impl_->open_tcp(options.listen);
  return std::nullopt;
}

unsigned short Server::port() const noexcept {
  boost::system::error_code ec;
  const auto endpoint = impl_->tcp_acceptor.local_endpoint(ec);
  return ec ? static_cast<unsigned short>(0) : endpoint.port();
}

void Server::stop() {
  if (std::exchange(impl_->stopped, true)) return;
  boost::system::error_code ignored;
  impl_->unix_acceptor.close(ignored);
  impl_->tcp_acceptor.close(ignored);
  for (const auto& session : std::set(impl_->sessions)) session->close();
  std::error_code ec;
  if (!impl_->socket_file.empty()) std::filesystem::remove(impl_->socket_file, ec);
}

}  // namespace understudy::server
