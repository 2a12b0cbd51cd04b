// An alert as a message of RFC 5322. Pure: the same alert is the same message, byte for byte, so that a mail that comes
// twice has one Message-ID.
#pragma once

#include <string>
#include <vector>

#include "settings.hpp"
#include "understudy/types.hpp"

namespace smtp_plugin {

struct Letter {
  std::string sender;
  std::vector<std::string> recipients;  ///< each once
  std::string message_id;
  std::string content;  ///< headers and body, CRLF
};

/// `at_ms` stands in for an alert that has no time.
[[nodiscard]] Letter write_letter(const Settings& settings, const understudy::sdk::Alert& alert, std::int64_t at_ms);

}  // namespace smtp_plugin
