// The host's clock. Deadlines here are points on its monotonic clock.
#pragma once

#include <functional>

#include "understudy/host.hpp"

namespace telegram_plugin {

struct Moment {
  understudy::sdk::Millis monotonic{0}, wall{0};
};

inline Moment moment_from(const understudy::sdk::Json& now) {
  using understudy::sdk::Millis;
  return {Millis(now.value("monotonic_us", std::int64_t{0}) / 1'000), Millis(now.value("wall_ms", std::int64_t{0}))};
}

/// Waits for the answer: never on the [loop]. Throws sdk::Failure when the instance ends.
inline Moment moment(understudy::sdk::Host& host) {
  return moment_from(
      host.blocking("clock.now/1", understudy::sdk::Json::object(), understudy::sdk::Millis(5'000)).get());
}

/// `then` or `failed` runs on the [loop]; neither when the instance ends.
inline void with_moment(understudy::sdk::Host& host, std::function<void(Moment)> then,
                        std::function<void(const understudy::sdk::Error&)> failed) {
  host.call("clock.now/1", understudy::sdk::Json::object(), understudy::sdk::Millis(5'000),
            [then = std::move(then), failed = std::move(failed)](const understudy::sdk::Result& now) {
              if (now.ok()) return then(moment_from(now.value));
              if (now.error.status != understudy::sdk::Status::cancelled) failed(now.error);
            });
}

}  // namespace telegram_plugin
