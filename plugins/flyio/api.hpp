// The Machines API of one app, for worker threads: each call waits for its answer. May be used by several threads.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "answer.hpp"
#include "machine.hpp"
#include "understudy/deadline.hpp"
#include "understudy/host.hpp"

namespace flyio_plugin {

using understudy::sdk::Deadline;

struct Version {
  std::string id;
  understudy::sdk::Json config;
};

class Api {
 public:
  Api(understudy::sdk::Host& host, const Settings& settings);

  /// Those that the settings choose, without destroyed ones, by region and id. Asks until the deadline. Throws Failure.
  [[nodiscard]] Machines machines(const Deadline& deadline);
  /// nullopt: it exists no more.
  [[nodiscard]] std::optional<Machine> machine(const std::string& id, const Deadline& deadline);
  /// Newest first.
  [[nodiscard]] std::vector<Version> versions(const std::string& id, const Deadline& deadline);
  /// Waits at the provider until it says that the machine is in `state`, for a while; false: not seen.
  [[nodiscard]] bool wait(const Machine& machine, const std::string& state, const Deadline& deadline);

  struct Request {
    std::string method, path;  ///< below /machines: "", "/148e/start"
    understudy::sdk::Json body;
    std::string nonce;  ///< of our lease
  };
  /// One request. What the provider put off (429) is asked again; nothing else is repeated.
  [[nodiscard]] Answer act(const Request& request, const Deadline& deadline);
  /// Throws Failure when the instance is being destroyed.
  void sleep(understudy::sdk::Millis time, const Deadline& deadline);
  /// Longer from try to try, and never twice the same.
  [[nodiscard]] understudy::sdk::Millis pause(int attempt);

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] understudy::sdk::Host& host() { return host_; }

 private:
  [[nodiscard]] Answer send(const Request& request, const std::string& token, understudy::sdk::Millis patience);
  [[nodiscard]] Answer once(const Request& request, const Deadline& deadline, understudy::sdk::Millis patience);
  /// Repeats what does no harm until it is answered.
  [[nodiscard]] Answer read(const std::string& path, const std::string& what, const Deadline& deadline);
  [[nodiscard]] std::string token(const Deadline& deadline);
  void forget_token();

  understudy::sdk::Host& host_;
  const Settings& settings_;
  std::mutex mutex_;
  std::string token_;
  std::atomic<std::uint32_t> dice_;
};

}  // namespace flyio_plugin
