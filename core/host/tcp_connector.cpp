#include "core/host/tcp_connector.hpp"

#include <array>
#include <chrono>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

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
}  // namespace

class TcpProbe : public std::enable_shared_from_this<TcpProbe> {
 public:
  TcpProbe(asio::io_context& loop, ServiceCall call)
      : call_(std::move(call)), resolver_(loop), socket_(loop), deadline_(loop) {}

  std::function<void()> on_end;

  void start() {
    started_ = Clock::now();
    const auto& p = call_.params;
    const auto timeout = std::min<std::int64_t>(p.value("timeout_ms", call_.budget.count()), call_.budget.count());
    deadline_.expires_after(Millis(timeout));
    deadline_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->fail({sdk::Status::transient, "no answer in time", {}, "timeout", {}});
    });
    if (p.contains("unix_socket")) {
      const auto path = p.at("unix_socket").get<std::string>();
      socket_.async_connect(asio::local::stream_protocol::endpoint(path), connected());
      return;
    }
    resolver_.async_resolve(
        p.at("host").get<std::string>(), std::to_string(p.at("port").get<int>()),
        [self = shared_from_this()](const boost::system::error_code& error, const tcp::resolver::results_type& found) {
          if (error) return self->fail_with(error);
          for (const auto& entry : found) self->endpoints_.push_back(entry.endpoint());
          self->try_next();
        });
  }

  void fail(sdk::Error error) { finish({{}, std::move(error)}); }

 private:
  std::function<void(const boost::system::error_code&)> connected() {
    return [self = shared_from_this()](const boost::system::error_code& error) { self->on_connected(error); };
  }

  void try_next() {
    if (finished_) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    const tcp::endpoint endpoint = endpoints_[next_endpoint_++];
    ip_ = endpoint.address().to_string();
    socket_.async_connect(endpoint, connected());
  }

  void on_connected(const boost::system::error_code& error) {
    if (finished_) return;
    if (error) return next_endpoint_ < endpoints_.size() ? try_next() : fail_with(error);
    send_ = call_.params.value("send", "");
    expect_ = call_.params.value("expect", "");
    if (send_.empty()) return listen();
    asio::async_write(socket_, asio::buffer(send_),
                      [self = shared_from_this()](const boost::system::error_code& e, std::size_t) {
                        if (e) return self->fail_with(e);
                        self->listen();
                      });
  }

  void listen() {
    if (expect_.empty()) return succeed();
    socket_.async_read_some(
        asio::buffer(buffer_), [self = shared_from_this()](const boost::system::error_code& error, std::size_t n) {
          if (self->finished_) return;
          self->received_.append(self->buffer_.data(), n);
          if (self->received_.find(self->expect_) != std::string::npos) return self->succeed();
          if (error) return self->fail_with(error);
          if (self->received_.size() > self->call_.params.value("max_bytes", std::size_t{4096})) {
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
    if (on_end) on_end();
    call_.done(std::move(result));
  }

  ServiceCall call_;
  tcp::resolver resolver_;
  asio::generic::stream_protocol::socket socket_;
  asio::steady_timer deadline_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  std::string ip_, send_, expect_, received_;
  std::array<char, 2048> buffer_{};
  Clock::time_point started_;
  bool finished_ = false;
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
  const bool to_socket = call.params.contains("unix_socket");
  const bool to_host = call.params.contains("host") && call.params["host"].is_string() &&
                       call.params.contains("port") && call.params["port"].is_number_integer();
  if (!to_socket && !to_host) {
    call.done({{}, {sdk::Status::invalid, "tcp.connect needs host and port, or unix_socket", {}, {}, {}}});
    return 0;
  }
  const auto ticket = next_++;
  auto probe = std::make_shared<TcpProbe>(loop_, std::move(call));
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
