#include "core/host/real_services.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/host/http_client.hpp"
#include "core/host/process_runner.hpp"
#include "core/host/secrets.hpp"
#include "core/host/tcp_connector.hpp"

namespace understudy::host {
namespace {
namespace asio = boost::asio;

class RealServices final : public Services {
 public:
  RealServices(asio::io_context& loop, Logger& log)
      : loop_(loop), log_(log), http_(loop), processes_(loop), tcp_(loop) {}
  ~RealServices() override {
    for (auto& [ticket, timer] : timers_) timer.timer.cancel();
    for (auto& [ticket, timer] : std::exchange(timers_, {}))
      timer.done({{}, {sdk::Status::cancelled, "shutting down", {}, {}, {}}});
  }

  Ticket start(ServiceCall call) override {
    if (call.on_item) {
      // Items come from inside libcurl's callbacks, where no request may be begun: hand them over on a clean stack. The
      // answer goes the same way, so that it comes after the last of them.
      call.done = [this, inner = std::move(call.done)](sdk::Result result) {
        asio::post(loop_, [inner, result = std::move(result)]() mutable { inner(std::move(result)); });
      };
      call.on_item = [this, inner = std::move(call.on_item)](const sdk::Json& item) {
        asio::post(loop_, [inner, item] { inner(item); });
      };
    }
    if (call.method == "http.request/1") return tag(http_.start(std::move(call)), 0);
    if (call.method == "process.run/1") return tag(processes_.start(std::move(call)), 1);
    if (call.method == "tcp.connect/1") return tag(tcp_.start(std::move(call)), 2);
    if (call.method == "timer.after/1") return start_timer(std::move(call));
    if (call.method == "clock.now/1") return now(call);
    if (call.method == "secret.get/1") return secret(call);
    call.done({{}, {sdk::Status::unsupported, "no such host service: " + std::string(call.method), {}, {}, {}}});
    return 0;
  }

  void cancel(Ticket ticket) override {
    const auto inner = ticket >> 2;
    switch (ticket & 3) {
      case 0: return http_.cancel(inner);
      case 1: return processes_.cancel(inner);
      case 2: return tcp_.cancel(inner);
      default: return cancel_timer(inner);
    }
  }

  [[nodiscard]] std::vector<std::string> methods() const override {
    return {"http.request/1", "process.run/1", "tcp.connect/1", "timer.after/1", "clock.now/1", "secret.get/1"};
  }

 private:
  struct Timer {
    asio::steady_timer timer;
    std::function<void(sdk::Result)> done;
  };

  /// The kind of service rides in the ticket's low bits.
  static Ticket tag(std::uint64_t inner, unsigned kind) { return inner == 0 ? 0 : (inner << 2 | kind); }

  Ticket start_timer(ServiceCall call) {
    constexpr std::int64_t year_ms = 365LL * 86'400'000;
    const Millis wait(std::clamp<std::int64_t>(call.params.value("ms", std::int64_t{0}), 0, year_ms));
    const auto id = next_timer_++;
    auto [it, fresh] = timers_.emplace(id, Timer{asio::steady_timer(loop_, wait), std::move(call.done)});
    it->second.timer.async_wait([this, id](const boost::system::error_code& error) {
      if (!error) end_timer(id, {sdk::Json::object()});
    });
    return tag(id, 3);
  }
  void end_timer(std::uint64_t id, sdk::Result result) {
    const auto it = timers_.find(id);
    if (it == timers_.end()) return;
    auto done = std::move(it->second.done);
    timers_.erase(it);
    done(std::move(result));
  }
  void cancel_timer(std::uint64_t id) { end_timer(id, {{}, {sdk::Status::cancelled, "cancelled", {}, {}, {}}}); }

  static Ticket now(const ServiceCall& call) {
    const auto wall = std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch());
    const auto mono = std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch());
    call.done({{{"wall_ms", wall.count()}, {"monotonic_us", mono.count()}}});
    return 0;
  }

  Ticket secret(const ServiceCall& call) {
    const auto key = call.params.value("key", "");
    const auto it = call.caller->secrets.find(key);
    if (it == call.caller->secrets.end()) {
      call.done({{},
                 {sdk::Status::denied,
                  call.caller->instance + " asked for a secret that its settings do not name",
                  {},
                  {},
                  {}}});
    } else {
      call.done(read_secret(it->second, log_));
    }
    return 0;
  }

  asio::io_context& loop_;
  Logger& log_;
  HttpClient http_;
  ProcessRunner processes_;
  TcpConnector tcp_;
  std::uint64_t next_timer_ = 1;
  std::unordered_map<std::uint64_t, Timer> timers_;
};

}  // namespace

std::unique_ptr<Services> make_services(asio::io_context& loop, Logger& log) {
  return std::make_unique<RealServices>(loop, log);
}

}  // namespace understudy::host
