// An engine on another machine, by ssh: `ssh -L` brings its socket here, for our requests and for the compose program.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "project.hpp"
#include "understudy/host.hpp"

namespace compose_plugin {

/// Opens on first use and again when it has broken. Worker threads only.
class Tunnel {
 public:
  Tunnel(understudy::sdk::Host& host, const Project& project);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  /// Path of the local end, which accepts connections. Throws sdk::Failure(transient) with what ssh said.
  [[nodiscard]] std::string socket(understudy::sdk::Millis budget);

 private:
  struct Run {
    std::mutex mutex;
    bool ended = false;
    std::string why;
  };
  [[nodiscard]] bool answers(understudy::sdk::Millis budget);
  void open();

  understudy::sdk::Host& host_;
  const Project& project_;
  std::string folder_;
  std::shared_ptr<Run> run_;
};

}  // namespace compose_plugin
