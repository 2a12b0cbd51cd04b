// An address with a name: "Ann Ops <ann@example.org>". Pure.
#pragma once

#include <string>
#include <string_view>

namespace smtp_plugin {

struct Mailbox {
  std::string name;     ///< UTF-8; may be empty
  std::string address;  ///< local@domain, ASCII, checked: nothing in it can end a header or a command

  [[nodiscard]] std::string_view domain() const;
  /// As a header shows it, folded where it would be long.
  [[nodiscard]] std::string header() const;
  /// Throws Failure(invalid), naming `setting`.
  [[nodiscard]] static Mailbox parse(std::string_view text, const char* setting);
};

}  // namespace smtp_plugin
