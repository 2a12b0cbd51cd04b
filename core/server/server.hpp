// The local HTTP API: a unix socket, and a loopback address when the file names one. Every request needs the token that
// only the owner of the data_dir can read. docs/api.md. On the loop.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "core/host/log.hpp"
#include "core/runtime/control.hpp"
#include "core/web/http_server.hpp"

namespace understudy::server {

class Server {
 public:
  struct Options {
    std::filesystem::path data_dir;  ///< holds understudy.sock and api.token
    std::string listen;              ///< "127.0.0.1:8750", "[::1]:8750"; empty: unix socket only
    std::string lease_listen;        ///< any address; serves the renewal of leases only. Empty: none
  };

  Server(boost::asio::io_context& loop, runtime::Control& control, host::Logger& log);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// What went wrong, or nothing.
  [[nodiscard]] std::optional<std::string> start(const Options& options);
  /// The port of the loopback address, 0 without one.
  [[nodiscard]] unsigned short port() const noexcept;
  void stop();

 private:
  void serve(const web::Request& request, const web::Send& send);
  void serve_lease(const web::Request& request, const web::Send& send);
  using Told = std::optional<std::chrono::steady_clock::time_point>;
  void refused(const std::string& component, const std::string& listener, Told& told);

  runtime::Control& control_;
  host::Logger& log_;
  std::string token_;
  Told api_told_, leases_told_;
  web::HttpServer http_, lease_http_;
};

}  // namespace understudy::server
