// Internal: which path does what. Knows nothing of sockets.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/runtime/control.hpp"
#include "core/web/message.hpp"

namespace understudy::server {

struct Response {
  int status = 200;
  sdk::Json body;
};

/// Answers once, now or later.
void handle(runtime::Control& control, const web::Request& request, const std::function<void(Response)>& reply);

/// A result as an answer: what was asked for, or the error with the status that fits.
[[nodiscard]] runtime::Control::Reply to_http(std::function<void(Response)> send);

[[nodiscard]] Response error_response(int status, std::string code, std::string message, std::string hint = {});

}  // namespace understudy::server
