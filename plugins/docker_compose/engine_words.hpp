// What an engine says beside its containers: its version, its refusals, its events. Pure; nothing of it is trusted.
// Source: Docker Engine API 1.41.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "understudy/status.hpp"

namespace compose_plugin {

/// "1.41"; {0, 0} for anything else.
[[nodiscard]] std::pair<int, int> parse_version(const std::string& text);

/// The error of an HTTP answer that is no success. `what` was asked; `body` as it came.
[[nodiscard]] understudy::sdk::Failure refusal(const std::string& what, int status, const std::string& body);

struct Event {
  std::string service, action;  ///< of which container, and what happened; may be empty
  std::int64_t at_ns = 0;       ///< since 1970; 0: it does not say
};
/// One line of /events; nothing when it is none.
[[nodiscard]] std::optional<Event> parse_event(const std::string& line);
/// The next nanosecond, as /events takes it in `since`, so that an event is not told twice.
[[nodiscard]] std::string since_after(std::int64_t at_ns);

}  // namespace compose_plugin
