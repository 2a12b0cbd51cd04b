// tcp.connect/1: opens a TCP or unix-socket connection, optionally says something and waits for an answer.
#pragma once

#include <memory>
#include <unordered_map>

#include <boost/asio/io_context.hpp>

#include "core/host/services.hpp"

namespace understudy::host {

class TcpProbe;

class TcpConnector {
 public:
  explicit TcpConnector(boost::asio::io_context& loop) : loop_(loop) {}
  ~TcpConnector();
  TcpConnector(const TcpConnector&) = delete;
  TcpConnector& operator=(const TcpConnector&) = delete;

  std::uint64_t start(ServiceCall call);
  void cancel(std::uint64_t ticket);

 private:
  boost::asio::io_context& loop_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, std::shared_ptr<TcpProbe>> running_;
};

}  // namespace understudy::host
