// The Docker Engine API of one project's engine, for worker threads: each call waits for its answer.
// Source: Docker Engine API 1.41 (the paths used here are the same in later versions).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "containers.hpp"
#include "tunnel.hpp"
#include "understudy/host.hpp"

namespace compose_plugin {

/// The end of the time that a call has.
class Deadline {
 public:
  explicit Deadline(understudy::sdk::Millis budget) : end_(std::chrono::steady_clock::now() + budget) {}
  /// Never less than a millisecond, so that a call past it fails by timeout and not by a zero.
  [[nodiscard]] understudy::sdk::Millis left() const;

 private:
  std::chrono::steady_clock::time_point end_;
};

class Engine {
 public:
  Engine(understudy::sdk::Host& host, const Project& project);

  /// Of the project and in its scope, stopped ones too. Throws sdk::Failure.
  [[nodiscard]] Containers containers(const Deadline& deadline);
  /// Asks them all at once to end and waits. What remains is seen by containers(), not told here.
  void stop(const Containers& which, understudy::sdk::Millis grace, const Deadline& deadline);
  void kill(const Containers& which, const Deadline& deadline);
  /// The engine would start a container with the policy `always` again after its own restart.
  void forget_restart(const Containers& which, const Deadline& deadline);

  /// Takes away what compose made for the project: containers, networks, volumes, by its labels. For copies. What
  /// cannot be removed is left, and logged.
  void remove_project(const Deadline& deadline);

  /// The arguments of http.request for `path` ("/events?..."), the version settled. Throws sdk::Failure.
  [[nodiscard]] understudy::sdk::Json request(const std::string& method, const std::string& path,
                                              const Deadline& deadline);
  /// What the compose program must be given to talk to the same engine. Throws sdk::Failure.
  [[nodiscard]] std::map<std::string, std::string> environment(const Deadline& deadline);

 private:
  [[nodiscard]] understudy::sdk::Json base(const Deadline& deadline);
  [[nodiscard]] understudy::sdk::Json get(const std::string& path, const Deadline& deadline);
  void post_all(const std::vector<std::pair<std::string, std::string>>& path_and_body, const Deadline& deadline);
  void remove(const std::string& path, const Deadline& deadline);
  void settle_version(const Deadline& deadline);

  understudy::sdk::Host& host_;
  const Project& project_;
  std::unique_ptr<Tunnel> tunnel_;
  std::string version_;  ///< "/v1.41", settled with the engine; empty before
};

/// For query strings (RFC 3986, unreserved characters kept).
[[nodiscard]] std::string escaped(const std::string& text);

}  // namespace compose_plugin
