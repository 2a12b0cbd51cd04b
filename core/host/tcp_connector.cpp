#include "core/host/tcp_connector.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "core/host/params.hpp"

namespace understudy::host {
namespace {
namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

const char* kind_of(const boost::system::error_code& error) {
  if (error == asio::error::connection_refused) return "refused";
  if (error == asio::error::network_unreachable || error == asio::error::network_down) return "unreachable";
  if (error == asio::error::host_unreachable) return "no_host";
  if (error == asio::error::host_not_found || error == asio::error::host_not_found_try_again) return "resolve";
  if (error == asio::error::eof || error == asio::error::connection_reset) return "closed";
  return "protocol";
}

constexpr std::int64_t most_received = 1024 * 1024;

/// What is asked, read and checked before anything is done.
struct TcpRequest {
  std::string host, send, expect;
  std::uint16_t port = 0;
  std::optional<asio::local::stream_protocol::endpoint> unix_socket;
  std::size_t max_bytes = 0;
  Millis timeout{0};
};

/// Throws Json::exception on a wrong type, Failure on what makes no sense, system_error on too long a path.
TcpRequest read_tcp_request(const ServiceCall& call) {
  const auto& p = call.params;
  TcpRequest out;
  if (p.contains("unix_socket")) {
    out.unix_socket.emplace(p.at("unix_socket").get<std::string>());
  } else if (!p.contains("host") || !p.contains("port")) {
    throw sdk::Failure(sdk::Status::invalid, "tcp.connect needs host and port, or unix_socket");
  } else {
    out.host = p.at("host").get<std::string>();
    const auto port = p.at("port").get<std::int64_t>();
    if (port < 1 || port > 65535) throw sdk::Failure(sdk::Status::invalid, "the port is none of 1 to 65535");
    out.port = static_cast<std::uint16_t>(port);
  }
  out.send = p.value("send", "");
  out.expect = p.value("expect", "");
  out.max_bytes = static_cast<std::size_t>(bounded_number(p, "max_bytes", 4096, 0, most_received));
  out.timeout = timeout_within(p, call.budget);
  return out;
}
}  // namespace

class TcpProbe : public std::enable_shared_from_this<TcpProbe> {
 public:
  TcpProbe(asio::io_context& loop, TcpRequest request, std::function<void(sdk::Result)> done)
      : request_(std::move(request)),
        done_(std::move(done)),
        resolver_(loop),
        socket_(loop),
        deadline_(loop),
        attempt_(loop) {}

  std::function<void()> on_end;

  void start() {
    started_ = Clock::now();
    deadline_.expires_after(request_.timeout);
    deadline_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->fail({sdk::Status::transient, "no answer in time", {}, "timeout", {}});
    });
    if (request_.unix_socket) return socket_.async_connect(*request_.unix_socket, when_connected());
    boost::system::error_code no_address;
    const auto address = asio::ip::make_address(request_.host, no_address);
    if (no_address) return resolve();
    endpoints_.emplace_back(address, request_.port);
    try_next();
  }

  void fail(sdk::Error error) { finish({{}, std::move(error)}); }

 private:
  std::function<void(const boost::system::error_code&)> when_connected() {
    return [self = shared_from_this()](const boost::system::error_code& error) { self->on_connected(error); };
  }

  /// Only names: the resolver has one thread, which a dead name keeps for long.
  void resolve() {
    resolver_.async_resolve(
        request_.host, std::to_string(request_.port),
        [self = shared_from_this()](const boost::system::error_code& error, const tcp::resolver::results_type& found) {
          if (error) return self->fail_with(error);
          for (const auto& entry : found) self->endpoints_.push_back(entry.endpoint());
          self->try_next();
        });
  }

  void try_next() {
    if (finished_) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    const tcp::endpoint endpoint = endpoints_[next_endpoint_++];
    ip_ = endpoint.address().to_string();
    if (const auto after = endpoints_.size() - next_endpoint_; after > 0) give_up_in_time(after);
    socket_.async_connect(endpoint, when_connected());
  }

  /// The address that is tried has its part of what is left: one that drops everything must not use up all of it.
  void give_up_in_time(std::size_t others) {
    const auto left = deadline_.expiry() - Clock::now();
    attempt_.expires_after(left / static_cast<std::int64_t>(others + 1));
    attempt_.async_wait([self = shared_from_this(), mine = next_endpoint_](const boost::system::error_code& error) {
      boost::system::error_code ignored;
      if (!error && self->next_endpoint_ == mine && !self->connected_) self->socket_.close(ignored);
    });
  }

  void on_connected(const boost::system::error_code& error) {
    if (finished_) return;
    attempt_.cancel();
    if (error || !socket_.is_open())  // or closed in the moment in which it was connected
      return next_endpoint_ < endpoints_.size() ? try_next() : fail_with(error);
    connected_ = true;
    if (request_.send.empty()) return listen();
    asio::async_write(socket_, asio::buffer(request_.send),
                      [self = shared_from_this()](const boost::system::error_code& e, std::size_t) {
                        if (e) return self->fail_with(e);
                        self->listen();
                      });
  }

  void listen() {
    if (request_.expect.empty()) return succeed();
    socket_.async_read_some(
        asio::buffer(buffer_), [self = shared_from_this()](const boost::system::error_code& error, std::size_t n) {
          if (self->finished_) return;
          self->received_.append(self->buffer_.data(), n);
          if (self->received_.find(self->request_.expect) != std::string::npos) return self->succeed();
          if (error) return self->fail_with(error);
          if (self->received_.size() > self->request_.max_bytes) {
            return self->fail({sdk::Status::transient, "the expected text did not come", {}, "protocol", {}});
          }
          self->listen();
        });
  }

  void succeed() {
    finish({{{"remote_ip", ip_},
             {"received", received_},
             {"time_us", std::chrono::duration_cast<Micros>(Clock::now() - started_).count()}}});
  }
  void fail_with(const boost::system::error_code& error) {
    if (!finished_) fail({sdk::Status::transient, error.message(), {}, kind_of(error), {}});
  }

  void finish(sdk::Result result) {
    if (std::exchange(finished_, true)) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    resolver_.cancel();
    deadline_.cancel();
    attempt_.cancel();
    if (on_end) on_end();
    done_(std::move(result));
  }

  const TcpRequest request_;
  std::function<void(sdk::Result)> done_;
  tcp::resolver resolver_;
  asio::generic::stream_protocol::socket socket_;
  asio::steady_timer deadline_, attempt_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  std::string ip_, received_;
  std::array<char, 2048> buffer_{};
  Clock::time_point started_;
  bool connected_ = false, finished_ = false;
};

TcpConnector::~TcpConnector() {
  while (!running_.empty()) {
    const auto probe = running_.begin()->second;
    running_.erase(running_.begin());
    probe->on_end = nullptr;
    probe->fail({sdk::Status::cancelled, "shutting down", {}, {}, {}});
  }
}

std::uint64_t TcpConnector::start(ServiceCall call) {
  std::optional<TcpRequest> request;
  try {
    request = read_tcp_request(call);
  } catch (const std::exception& e) {
    call.done({{}, {sdk::Status::invalid, std::string("malformed request: ") + e.what(), {}, {}, {}}});
    return 0;
  }
  const auto ticket = next_++;
  auto probe = std::make_shared<TcpProbe>(loop_, std::move(*request), std::move(call.done));
  probe->on_end = [this, ticket] { running_.erase(ticket); };
  running_.emplace(ticket, probe);
  probe->start();
  return ticket;
}

void TcpConnector::cancel(std::uint64_t ticket) {
  if (const auto it = running_.find(ticket); it != running_.end()) {
    const auto probe = it->second;
    probe->fail({sdk::Status::cancelled, "cancelled", {}, "cancelled", {}});
  }
}

}  // namespace understudy::host
