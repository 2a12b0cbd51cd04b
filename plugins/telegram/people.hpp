// Who wrote or pressed, read from Telegram's objects. Pure.
#pragma once

#include <string>

#include "text.hpp"
#include "understudy/status.hpp"

namespace telegram_plugin {

struct Person {
  std::int64_t id = 0;
  std::string name;

  /// From a User; anything may be missing.
  [[nodiscard]] static Person from(const understudy::sdk::Json& user) {
    Person out{user.value("id", std::int64_t{0}), user.value("username", "")};
    if (out.name.empty()) out.name = user.value("first_name", "");
    std::erase_if(out.name, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
    out.name = cut(out.name, 64);
    return out;
  }
  /// As operator.request/1 is told.
  [[nodiscard]] std::string by() const { return "telegram:" + std::to_string(id) + " " + name; }
};

/// The topic that a message is in; a thread of replies is none.
[[nodiscard]] inline std::int64_t topic_of(const understudy::sdk::Json& message) {
  return message.value("is_topic_message", false) ? message.value("message_thread_id", std::int64_t{0}) : 0;
}

}  // namespace telegram_plugin
