#include <charconv>

#include "check.hpp"

namespace http_plugin {
namespace {

using namespace understudy::sdk;

/// tcp://host:port, tcp://[::1]:port
std::pair<std::string, int> host_and_port(const std::string& url) {
  const std::string rest = url.substr(6);
  const auto colon = rest.rfind(':');
  int port = 0;
  if (colon != std::string::npos) std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), port);
  if (colon == 0 || port <= 0 || port > 65535)
    throw Failure(Status::invalid, "\"" + url + "\" names no host and port", "write it as tcp://host:port");
  std::string host = rest.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return {host, port};
}

class TcpCheck final : public HealthSource {
 public:
  TcpCheck(Host& host, const Envelope& e) : host_(host) {
    const auto& s = e.settings;
    const auto [name, port] = host_and_port(s.at("url").get<std::string>());
    request_ = {{"host", name}, {"port", port}};
    for (const char* key : {"send", "expect"}) {
      if (s.contains(key)) request_[key] = s.at(key);
    }
  }

  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    auto kept = share(std::move(reply));
    host_.call("tcp.connect/1", request_, request.timeout, [kept, here = on_this_host()](const Result& r) {
      CheckResult out;
      if (r.ok()) {
        const auto ip = r.value.value("remote_ip", "");
        out.outcome = CheckResult::Outcome::pass;
        out.cause = "connected to " + ip;
        out.latency_us = r.value.value("time_us", std::int64_t{0});
        out.local = ip.rfind("127.", 0) == 0 || ip == "::1";
      } else {
        const bool ours =
            r.error.kind == "unreachable" || r.error.status == Status::invalid || r.error.status == Status::cancelled;
        out.outcome = ours ? CheckResult::Outcome::unknown : CheckResult::Outcome::fail;
        out.cause = r.error.message;
        out.verdict = false;
        out.local = here;
      }
      (*kept)(out);
    });
  }

 private:
  /// Our own network has no part in what fails here.
  [[nodiscard]] bool on_this_host() const {
    const auto host = request_.value("host", "");
    return request_.contains("unix_socket") || host == "localhost" || host == "::1" || host.starts_with("127.");
  }

  Host& host_;
  Json request_;
};

}  // namespace

std::unique_ptr<Provider> make_tcp_check(Host& host, const Envelope& envelope) {
  return std::make_unique<TcpCheck>(host, envelope);
}

}  // namespace http_plugin
