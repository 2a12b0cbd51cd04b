// Buttons that people may press: each has a nonce that works once, for a while, and only until the message shows newer
// ones. Nothing outlives the process: after a restart every old button is stale. [any thread]
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "understudy/status.hpp"

namespace telegram_plugin {

struct Button {
  enum class Action { acknowledge, promote, failback, yes_promote, yes_failback, cancel };
  Action action = Action::cancel;
  std::string label;
  std::string incident, service, target;
  std::int64_t index = -1;  ///< of the state that the button was made for; below 0: not known
};

struct Keyboard {
  understudy::sdk::Json markup;  ///< null without buttons
  std::uint64_t batch = 0;
};

class Buttons {
 public:
  using Millis = std::chrono::milliseconds;

  /// A row of buttons that work until `expires`. Those of earlier rows of the `group` go on working until settle().
  [[nodiscard]] Keyboard make(const std::string& group, const std::vector<Button>& row, Millis now, Millis expires);
  /// The row is what people see now: the group's other rows are stale.
  void settle(const std::string& group, std::uint64_t batch);

  struct Pressed {
    std::optional<Button> button;
    bool expired = false;
  };
  /// Uses a button up. An answer to a question uses up its other answers, too.
  [[nodiscard]] Pressed take(const std::string& data, Millis now);

 private:
  struct Entry {
    Button button;
    std::string group;
    std::uint64_t batch = 0;
    Millis expires{0};
  };
  void forget_some(Millis now);

  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  ///< by nonce
  std::uint64_t next_batch_ = 1;
};

}  // namespace telegram_plugin
