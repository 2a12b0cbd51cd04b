// What an answer, or none, means for the delivery. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "discreet.hpp"
#include "settings.hpp"
#include "understudy/types.hpp"

namespace webhook_plugin {

/// What the verdict depends on beside the answer.
struct Circumstances {
  Format format = Format::json;
  bool https = false;
  bool has_bearer = false;
  bool is_signed = false;
  std::int64_t now_ms = 0;
  Discreet discreet;
};

/// The receipt, or throws Failure.
[[nodiscard]] understudy::sdk::Receipt judge(const understudy::sdk::Result& result, const Circumstances& how);

/// "120" or an HTTP date (all three forms of RFC 9110); nothing when it is neither. At most a day.
[[nodiscard]] std::optional<Millis> retry_after(const std::string& text, std::int64_t now_ms);

}  // namespace webhook_plugin
