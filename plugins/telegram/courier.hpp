// Brings messages into chats: at the pace that a chat allows, waiting when Telegram asks for it, and mending what can
// be mended: a group that became a supergroup, text that Telegram cannot parse, a topic that is gone. [worker] only,
// but for current() and moved().
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "api.hpp"
#include "moment.hpp"
#include "pace.hpp"
#include "text.hpp"

namespace telegram_plugin {

struct Message {
  understudy::sdk::Json chat;
  std::int64_t topic = 0;
  Lines text;
  understudy::sdk::Json buttons;  ///< an inline keyboard, or null
  std::int64_t reply_to = 0;
  bool silent = false;
};

/// A message that is in a chat.
struct Posted {
  understudy::sdk::Json chat;
  std::int64_t id = 0;
};

class Courier {
 public:
  Courier(understudy::sdk::Host& host, Api& api, const Settings& settings);

  // Each throws sdk::Failure; `until` is on the host's monotonic clock.
  Posted send(const Message& message, understudy::sdk::Millis until);
  /// False: there is no such message any more. Without `buttons` those that it has go.
  bool edit(const Posted& where, const Lines& text, const understudy::sdk::Json& buttons,
            understudy::sdk::Millis until);
  bool edit_buttons(const Posted& where, const understudy::sdk::Json& buttons, understudy::sdk::Millis until);

  /// Where a chat is now: its number changes when a group becomes a supergroup. [any thread]
  [[nodiscard]] understudy::sdk::Json current(const understudy::sdk::Json& chat) const;
  void moved(const understudy::sdk::Json& from, std::int64_t to);

 private:
  Answer post(const std::string& method, understudy::sdk::Json params, const std::string& plain_text,
              understudy::sdk::Millis until);
  bool mend(const Answer& answer, understudy::sdk::Json& params, const std::string& plain_text);
  void take_turn(const understudy::sdk::Json& chat, understudy::sdk::Millis until);
  bool edited(const Answer& answer);

  understudy::sdk::Host& host_;
  Api& api_;
  const Settings& settings_;
  Pace pace_;
  mutable std::mutex mutex_;  ///< for moved_
  std::map<std::string, std::int64_t> moved_;
};

}  // namespace telegram_plugin
