// Reads the bot's updates by long polling, for as long as the instance lives. One poller a token: another one, or a
// webhook, is said clearly and asked again ever less often. [loop] only.
#pragma once

#include <functional>
#include <string>

#include "api.hpp"
#include "moment.hpp"

namespace telegram_plugin {

class Listener {
 public:
  using OnUpdate = std::function<void(const understudy::sdk::Json& update, const Moment& now)>;
  using OnName = std::function<void(const std::string& bot_name)>;

  Listener(understudy::sdk::Host& host, Api& api, const Settings& settings, OnName on_name, OnUpdate on_update)
      : host_(host), api_(api), settings_(settings), on_name_(std::move(on_name)), on_update_(std::move(on_update)) {}

  /// May be called inside create(): the first request goes out from a timer.
  void start() {
    later(understudy::sdk::Millis(0), [this] { introduce(); });
  }

 private:
  void introduce();
  void poll();
  void polled(const Answer& answer);
  /// Whether any was new.
  [[nodiscard]] bool take(const understudy::sdk::Json& updates, const Moment& now);
  void failed(const Answer& answer, std::function<void()> again);
  void well();
  void later(understudy::sdk::Millis wait, std::function<void()> what);

  understudy::sdk::Host& host_;
  Api& api_;
  const Settings& settings_;
  OnName on_name_;
  OnUpdate on_update_;
  std::int64_t offset_ = 0;
  int failures_ = 0;
  std::string complaint_;  ///< said already
};

}  // namespace telegram_plugin
