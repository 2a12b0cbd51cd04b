#include "core/web/http_server.hpp"

#include <charconv>
#include <set>

#include <sys/stat.h>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "core/host/memory.hpp"

namespace understudy::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using unix_stream = asio::local::stream_protocol;
using Clock = std::chrono::steady_clock;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

constexpr std::uint64_t largest_body = 64 * 1024;
constexpr std::size_t large_answer = 1024 * 1024;
constexpr std::uint32_t largest_header = 16 * 1024;
constexpr auto read_timeout = std::chrono::seconds(15);
constexpr auto accept_again = std::chrono::milliseconds(100);
constexpr auto write_timeout = std::chrono::seconds(30);

}  // namespace

class Session;

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  asio::io_context& loop;
  Handler handler;
  HttpLimits limits;
  std::filesystem::path socket_file;
  unix_stream::acceptor unix_acceptor;
  tcp::acceptor tcp_acceptor;
  std::set<std::shared_ptr<Session>> sessions;
  bool stopped = false;

  Impl(asio::io_context& l, Handler h, HttpLimits limited)
      : loop(l), handler(std::move(h)), limits(std::move(limited)), unix_acceptor(l), tcp_acceptor(l) {}

  [[nodiscard]] bool make_room();

  template <class Acceptor>
  void accept(Acceptor& acceptor);
  template <class Acceptor>
  void accept_later(Acceptor& acceptor);
};

/// One connection: requests one after the other.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Stream stream, std::weak_ptr<HttpServer::Impl> server)
      : stream_(std::move(stream)), server_(std::move(server)), patience_(stream_.get_executor()) {}

  /// Since when it waits for a request; nothing while it serves one.
  [[nodiscard]] std::optional<Clock::time_point> idle_since() const { return idle_since_; }

  void read() {
    idle_since_ = Clock::now();
    parser_.emplace();
    parser_->body_limit(largest_body);
    parser_->header_limit(largest_header);
    stream_.expires_after(read_timeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                       if (error == http::error::body_limit) return self->too_large();
                       if (error) return self->close();
                       self->serve();
                     });
  }

  void close() {
    patience_.cancel();
    boost::system::error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    stream_.socket().close(ignored);
    if (const auto server = server_.lock()) server->sessions.erase(shared_from_this());
  }

 private:
  void too_large() {
    send({413, R"({"error":{"code":"too_large","message":"the body is larger than 64 KiB"}})"
               "\n"},
         false);
  }

  void serve() {
    const auto server = server_.lock();
    if (!server) return close();
    idle_since_.reset();
    auto& message = parser_->get();
    const bool keep = message.keep_alive();
    const std::string target(message.target());
    const auto question = std::min(target.find('?'), target.size());
    Request request{std::string(message.method_string()),
                    target.substr(0, question),
                    question < target.size() ? target.substr(question + 1) : "",
                    {},
                    std::move(message.body())};
    for (const auto& field : message) request.headers.emplace_back(field.name_string(), field.value());
    stream_.expires_never();  // a long poll may take its time
    const auto turn = ++turn_;
    if (server->limits.answer_within.count() > 0) give_up_in(server->limits.answer_within);
    server->handler(request, [self = shared_from_this(), keep, turn](Response response) {
      if (self->turn_ == turn) self->send(std::move(response), keep);
    });
  }

  void give_up_in(std::chrono::milliseconds wait) {
    patience_.expires_after(wait);
    patience_.async_wait([weak = weak_from_this(), turn = turn_](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (error || !self || self->turn_ != turn) return;
      self->send({503, R"({"error":{"code":"busy","message":"no answer in time"}})"
                       "\n"},
                 false);
    });
  }

  void send(Response response, bool keep) {
    ++turn_;  // whatever else would answer comes too late
    patience_.cancel();
    response_.emplace();
    response_->version(11);
    response_->result(static_cast<unsigned>(response.status));
    response_->set(http::field::content_type, response.type);
    response_->set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) response_->set(name, value);
    response_->keep_alive(keep);
    response_->body() = std::move(response.body);
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
  std::weak_ptr<HttpServer::Impl> server_;
  asio::steady_timer patience_;
  std::uint64_t turn_ = 0;  ///< names the request that is not answered yet
  std::optional<Clock::time_point> idle_since_;
  beast::flat_buffer buffer_{largest_header + largest_body};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

/// Who asks nothing must not keep out who does.
bool HttpServer::Impl::make_room() {
  if (sessions.size() < limits.connections) return true;
  std::shared_ptr<Session> oldest;
  for (const auto& session : sessions) {
    if (session->idle_since() && (!oldest || *session->idle_since() < *oldest->idle_since())) oldest = session;
  }
  if (!oldest) {
    limits.refused();
    return false;
  }
  oldest->close();
  return true;
}

template <class Acceptor>
void HttpServer::Impl::accept(Acceptor& acceptor) {
  acceptor.async_accept([weak = weak_from_this(), &acceptor](const boost::system::error_code& error,
                                                             typename Acceptor::protocol_type::socket socket) {
    const auto self = weak.lock();
    if (!self || self->stopped || error == asio::error::operation_aborted) return;
    if (error) return self->accept_later(acceptor);  // no descriptor is left: asking again at once would only spin
    if (self->make_room()) {
      auto session = std::make_shared<Session>(Stream(asio::generic::stream_protocol::socket(std::move(socket))), self);
      self->sessions.insert(session);
      session->read();
    }
    self->accept(acceptor);
  });
}

template <class Acceptor>
void HttpServer::Impl::accept_later(Acceptor& acceptor) {
  auto timer = std::make_shared<asio::steady_timer>(loop, accept_again);
  timer->async_wait([weak = weak_from_this(), &acceptor, timer](const boost::system::error_code&) {
    if (const auto self = weak.lock(); self && !self->stopped) self->accept(acceptor);
  });
}

HttpServer::HttpServer(asio::io_context& loop, Handler handler, HttpLimits limits)
    : impl_(std::make_shared<Impl>(loop, std::move(handler), std::move(limits))) {}
HttpServer::~HttpServer() { stop(); }

std::optional<std::string> HttpServer::listen_unix(const std::filesystem::path& socket) {
  boost::system::error_code ec;
  unix_stream::socket probe(impl_->loop);
  probe.connect(unix_stream::endpoint(socket.string()), ec);
  if (!ec) return "something already answers at " + socket.string();
  std::error_code ignored;
  std::filesystem::remove(socket, ignored);
  impl_->socket_file = socket;
  auto& acceptor = impl_->unix_acceptor;
  const auto old_mask = ::umask(0177);
  acceptor.open(unix_stream(), ec);
  if (!ec) acceptor.bind(unix_stream::endpoint(socket.string()), ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  ::umask(old_mask);
  if (ec) return "cannot listen at " + socket.string() + ": " + ec.message();
  impl_->accept(acceptor);
  return std::nullopt;
}

std::optional<std::string> HttpServer::listen_tcp(const tcp::endpoint& endpoint) {
  boost::system::error_code ec;
  auto& acceptor = impl_->tcp_acceptor;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec)
    return "cannot listen at " + endpoint.address().to_string() + ":" + std::to_string(endpoint.port()) + ": " +
           ec.message();
  impl_->accept(acceptor);
  return std::nullopt;
}

unsigned short HttpServer::port() const noexcept {
  boost::system::error_code ec;
  const auto endpoint = impl_->tcp_acceptor.local_endpoint(ec);
  return ec ? static_cast<unsigned short>(0) : endpoint.port();
}

void HttpServer::stop() {
  if (std::exchange(impl_->stopped, true)) return;
  boost::system::error_code ignored;
  impl_->unix_acceptor.close(ignored);
  impl_->tcp_acceptor.close(ignored);
  for (const auto& session : std::set(impl_->sessions)) session->close();
  std::error_code ec;
  if (!impl_->socket_file.empty()) std::filesystem::remove(impl_->socket_file, ec);
}

std::optional<tcp::endpoint> endpoint_from(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
  unsigned short port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, port);
  if (ec || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return tcp::endpoint(address, port);
}

}  // namespace understudy::web
