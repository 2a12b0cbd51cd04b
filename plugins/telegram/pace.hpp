// How fast a chat may be written to: about one message a second, in a group also so many a minute, and not at all while
// Telegram has asked us to wait. Pure: times are given.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>

namespace telegram_plugin {

class Pace {
 public:
  using Millis = std::chrono::milliseconds;  ///< also a point on the host's monotonic clock

  Pace(Millis gap, int per_minute) : gap_(gap), per_minute_(per_minute) {}

  /// How long from `now` until the chat may be written to.
  [[nodiscard]] Millis wait(const std::string& chat, bool group, Millis now) const;
  void wrote(const std::string& chat, Millis now);
  /// Nothing goes to the chat before `until`.
  void hold(const std::string& chat, Millis until);

 private:
  struct Chat {
    std::deque<Millis> sent;  ///< of the last minute, oldest first
    Millis held_until{0};
  };
  const Millis gap_;
  const int per_minute_;
  std::map<std::string, Chat> chats_;
};

}  // namespace telegram_plugin
