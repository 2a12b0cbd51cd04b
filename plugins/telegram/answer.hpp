// What one Bot API call came to, and what of it a person can do something about. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "understudy/status.hpp"

namespace telegram_plugin {

struct Answer {
  understudy::sdk::Json result;
  understudy::sdk::Error error{understudy::sdk::Status::ok, {}, {}, {}, {}};
  int code = 0;                          ///< HTTP status; 0 without a reply
  std::string said;                      ///< Telegram's description of an error
  std::optional<std::int64_t> moved_to;  ///< the group is a supergroup now, with this number
  std::int64_t took_us = 0;

  [[nodiscard]] bool ok() const { return error.status == understudy::sdk::Status::ok; }
  /// Telegram's words contain `text`, whatever the case.
  [[nodiscard]] bool says(std::string_view text) const;
};

/// Reads the reply of http.request/1 to `method`. The token is in the URL, and so may be in what the host says of an
/// error: nothing of it is left in the answer.
[[nodiscard]] Answer read_answer(std::string_view method, const understudy::sdk::Result& http, std::string_view token);

/// For what may quote a URL.
[[nodiscard]] std::string without_token(std::string text, std::string_view token);

}  // namespace telegram_plugin
