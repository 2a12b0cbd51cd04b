// What the core offers to plugins, as one table of asynchronous methods: http.request/1, process.run/1, tcp.connect/1,
// timer.after/1, clock.now/1, secret.get/1. The plugin loader talks to this interface only, so that the same plugin
// runs over the real world (make_services in real_services.hpp), over a recording, or under virtual time.
//
// Threads: everything here is called on, and answers on, the core's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"
#include "understudy/status.hpp"

namespace understudy::host {

/// Who calls: fixes the secrets that may be read and names the caller in logs.
struct Caller {
  std::string plugin;
  std::string instance;  ///< "trader/home/health[0]"
  std::map<std::string, config::SecretRef> secrets;
  std::vector<std::string> grants;  ///< "operator": may ask for what people may ask for
  /// Of an isolated instance: what the programs that it runs get of ours. None: all of it.
  std::optional<std::map<std::string, std::string>> environment = std::nullopt;
};

struct ServiceCall {
  const Caller* caller = nullptr;  ///< outlives the call
  std::string_view method;         ///< borrowed during start()
  sdk::Json params;
  Millis budget{0};                               ///< > 0; the service answers within it
  std::function<void(sdk::Result)> done;          ///< exactly once; may run inside start()
  std::function<void(const sdk::Json&)> on_item;  ///< items of a streaming call
};

class Services {
 public:
  using Ticket = std::uint64_t;  ///< 0: already answered

  Services() = default;
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
  virtual ~Services() = default;

  /// Begins a call. An unknown method answers Status::unsupported.
  virtual Ticket start(ServiceCall call) = 0;
  /// Advisory; `done` still runs exactly once (Status::cancelled, or what it came to). Unknown tickets are ignored.
  virtual void cancel(Ticket ticket) = 0;
  /// The methods offered: a plugin that needs another is refused when it is loaded.
  [[nodiscard]] virtual std::vector<std::string> methods() const = 0;
};

}  // namespace understudy::host
