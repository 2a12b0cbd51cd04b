// http.request/1: asynchronous HTTP by libcurl multi on Asio. Connections stay alive and are found again: each origin
// (scheme, host, port) always uses the same of several multi handles, so that no handle has to search thousands.
// Everything on the loop.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "core/host/services.hpp"

namespace understudy::host {

class HttpClient {
 public:
  using Ticket = std::uint64_t;

  explicit HttpClient(boost::asio::io_context& loop);
  ~HttpClient();  ///< answers what is pending with `cancelled`
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Ticket start(ServiceCall call);
  void cancel(Ticket ticket);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace understudy::host
