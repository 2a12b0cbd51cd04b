// A small HTTP/1.1 server over unix sockets and TCP: bounded requests, bounded connections, bounded waits, keep-alive.
// Who may ask, and what, is the handler's business. On the loop.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "core/web/message.hpp"

namespace understudy::web {

struct HttpLimits {
  std::size_t connections = 128;               ///< one more ends the one that has been idle for longest, or is refused
  std::chrono::milliseconds answer_within{0};  ///< then it is 503 in the handler's place; 0: it may take its time
  std::function<void()> refused = [] {};       ///< a connection was, since all of them are busy
};

class HttpServer {
 public:
  HttpServer(boost::asio::io_context& loop, Handler handler, HttpLimits limits = {});
  ~HttpServer();  ///< stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// What went wrong, or nothing. The socket is readable by its owner only; a stale one is replaced.
  [[nodiscard]] std::optional<std::string> listen_unix(const std::filesystem::path& socket);
  [[nodiscard]] std::optional<std::string> listen_tcp(const boost::asio::ip::tcp::endpoint& endpoint);
  /// Of the TCP listener, 0 without one.
  [[nodiscard]] unsigned short port() const noexcept;
  void stop();

  struct Impl;  ///< of http_server.cpp

 private:
  std::shared_ptr<Impl> impl_;
};

/// "127.0.0.1:8750", "[::1]:8750", "localhost:80", "0.0.0.0:8080"; nothing when it is no such address.
[[nodiscard]] std::optional<boost::asio::ip::tcp::endpoint> endpoint_from(const std::string& text);

}  // namespace understudy::web
