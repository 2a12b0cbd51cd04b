// An `understudy agent` over HTTP: one exchange a call, no retries. [worker threads]
#pragma once

#include <string>

#include "report.hpp"
#include "understudy/deadline.hpp"
#include "understudy/host.hpp"

namespace agent_plugin {

using understudy::sdk::Deadline;

/// `url` without a slash at its end; empty CA: the system's.
struct Place {
  std::string url, ca_file;
  std::string service;  ///< that the agent must be of; another one's answer counts for nothing
};
/// Settings that target and health share. Throws sdk::Failure(invalid).
[[nodiscard]] Place place_of(const understudy::sdk::Envelope& envelope);

/// The parameters of http.request/1 for GET /health.
[[nodiscard]] understudy::sdk::Json health_request(const Place& place);

/// Why the answer is not that of the agent that is meant; empty when it is.
[[nodiscard]] std::string stranger(const Place& place, const std::string& service);

class Agent {
 public:
  Agent(understudy::sdk::Host& host, Place place, std::string key_name, std::string store)
      : host_(host), place_(std::move(place)), key_name_(std::move(key_name)), store_(std::move(store)) {}

  /// Throws sdk::Failure: `transient` when nothing answers, `invalid` when it is not this service's agent.
  [[nodiscard]] Report health(const Deadline& deadline);
  /// The instance that took it (as Report::instance), or sdk::Failure: `conflict` for an epoch that is over,
  /// `transient` with the kind "busy" while it stops something else, `unknown` when it may have been heard all the
  /// same.
  std::string activate(const understudy::sdk::ActivateRequest& request, const Deadline& deadline);
  std::string deactivate(const understudy::sdk::DeactivateRequest& request, const Deadline& deadline);
  /// Throws what a refused key would be.
  void try_key(const Deadline& deadline);

  [[nodiscard]] const Place& place() const noexcept { return place_; }

 private:
  struct Answer {
    int status = 0;
    understudy::sdk::Json body;  ///< discarded when it is no JSON
  };
  [[nodiscard]] Answer exchange(understudy::sdk::Json request, const Deadline& deadline);
  [[nodiscard]] Answer with_key(understudy::sdk::Json request, const Deadline& deadline);
  std::string order(const char* path, const understudy::sdk::Json& body, const Deadline& deadline);
  [[noreturn]] void refused(const char* path, const Answer& answer) const;

  understudy::sdk::Host& host_;
  const Place place_;
  const std::string key_name_, store_;
};

/// On a worker. Throws sdk::Failure(cancelled) when the instance is being destroyed.
void pause(understudy::sdk::Host& host, understudy::sdk::Millis time);

}  // namespace agent_plugin
