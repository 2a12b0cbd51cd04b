// Internal: which path does what. Knows nothing of sockets.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/runtime/control.hpp"

namespace understudy::server {

struct Request {
  std::string method, path;
  std::string query;  ///< behind the '?', undecoded
  std::string body;
};

struct Response {
  int status = 200;
  sdk::Json body;
};

/// Answers once, now or later.
void handle(runtime::Control& control, const Request& request, const std::function<void(Response)>& reply);

[[nodiscard]] Response error_response(int status, std::string code, std::string message, std::string hint = {});

}  // namespace understudy::server
