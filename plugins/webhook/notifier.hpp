// The notifier: asks for the secrets, composes, signs, posts. Straight code on a worker thread; one alert at a time.
#pragma once

#include <chrono>
#include <string>

#include "message.hpp"
#include "settings.hpp"
#include "understudy/plugin.hpp"
#include "verdict.hpp"

namespace webhook_plugin {

class Notifier final : public understudy::sdk::Notifier {
 public:
  Notifier(understudy::sdk::Host& host, const understudy::sdk::Envelope& e)
      : host_(host), settings_(Settings::from(e.settings)) {}

  void send(const understudy::sdk::Alert& alert, understudy::sdk::Reply<understudy::sdk::Receipt> reply) override;

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  understudy::sdk::Receipt deliver(const understudy::sdk::Alert& alert, Deadline deadline);
  /// The text, asked of the host when it is a secret: anew each time, so that a changed file is used at once.
  std::string resolved(const Value& value, const char* what, Deadline deadline, Discreet& discreet);
  Json headers(const understudy::sdk::Alert& alert, Deadline deadline, Discreet& discreet);
  std::int64_t now_ms(Deadline deadline);

  understudy::sdk::Host& host_;
  const Settings settings_;
  understudy::sdk::Worker worker_;  // last: its tasks use the rest
};

}  // namespace webhook_plugin
