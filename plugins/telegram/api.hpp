// The Bot API of one bot, over the host's HTTP.
//
// The token is asked of the host for each call, so that a changed secret is used at once and none is kept here.
#pragma once

#include <functional>
#include <string_view>

#include "answer.hpp"
#include "settings.hpp"
#include "understudy/host.hpp"

namespace telegram_plugin {

class Api {
 public:
  using Done = std::function<void(const Answer&)>;

  Api(understudy::sdk::Host& host, const Settings& settings) : host_(host), settings_(settings) {}

  /// `done` runs once on the [loop]. [any thread]
  void start(const std::string& method, const understudy::sdk::Json& params, understudy::sdk::Millis budget, Done done);
  /// start() that waits. Never on the [loop].
  [[nodiscard]] Answer call(const std::string& method, const understudy::sdk::Json& params,
                            understudy::sdk::Millis budget);

 private:
  understudy::sdk::Host& host_;
  const Settings& settings_;
};

}  // namespace telegram_plugin
