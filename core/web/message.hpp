// A request and its answer, as the handlers of our HTTP servers see them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace understudy::web {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method, path;
  std::string query;  ///< behind the '?', undecoded
  Headers headers;
  std::string body;

  /// The first of that name, in any case; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

struct Response {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  Headers headers = {};
};

/// Answers once, now or later, on the loop.
using Send = std::function<void(Response)>;
using Handler = std::function<void(const Request&, Send)>;

/// Takes the same time wherever the texts differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace understudy::web
