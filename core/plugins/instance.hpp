// One plugin instance as the core sees it: calls with deadlines, exactly one answer each, all on the core's loop.
// Behind it may be a library on the loop, a library on a thread of its own, or (later) another process.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/host/log.hpp"
#include "core/model/time.hpp"
#include "understudy/status.hpp"

namespace understudy::plugins {

class Instance {
 public:
  using Done = std::function<void(sdk::Result)>;
  using OnNotify = std::function<void(std::string_view topic, const sdk::Json& params)>;
  using Ticket = std::uint64_t;  ///< 0: already answered

  Instance() = default;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  virtual ~Instance() = default;

  /// Calls a method. `done` runs exactly once, on the loop, possibly inside call(), at the latest shortly after
  /// `budget`: then with Status::unknown and kind "deadline". A late or second answer of the plugin is dropped and
  /// logged.
  virtual Ticket call(std::string_view method, const sdk::Json& params, Millis budget, Done done) = 0;
  /// Advisory.
  virtual void cancel(Ticket ticket) = 0;
  /// Receives "health.hint" and "progress"; "log" is handled inside. Replaces the former handler.
  virtual void on_notify(OnNotify handler) = 0;

  [[nodiscard]] virtual bool offers(std::string_view method) const = 0;
  [[nodiscard]] virtual const std::string& name() const = 0;    ///< "trader/home/health[0]"
  [[nodiscard]] virtual const std::string& plugin() const = 0;  ///< "http"
};

/// What its caller is told of an answer of the wrong types.
[[nodiscard]] sdk::Error malformed(const std::exception& e);

/// Hands an answer over. What a plugin answered with the wrong types throws where it is read: then the caller gets an
/// error instead, and this process goes on. What it came to, for the log, or nothing.
[[nodiscard]] std::optional<std::string> hand_over(const Instance::Done& done, sdk::Result result);

/// With no secret in what people may read of it: a provider may repeat what it was told.
[[nodiscard]] sdk::Result without_secrets(const host::Logger& log, sdk::Result result);

}  // namespace understudy::plugins
