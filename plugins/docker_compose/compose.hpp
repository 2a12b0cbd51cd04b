// The compose program: `docker compose`, or docker-compose where there is no such plugin. Worker threads only.
#pragma once

#include <string>
#include <vector>

#include "copy.hpp"
#include "engine.hpp"

namespace compose_plugin {

class Compose {
 public:
  Compose(understudy::sdk::Host& host, const Project& project, Engine& engine);

  /// Creates and starts what the project needs for this activation: its containers are labelled with the epoch and
  /// given the activation's variables. Throws sdk::Failure; nothing may be told of what runs then.
  void up(const understudy::sdk::ActivateRequest& request, const Deadline& deadline);
  /// The same for a drill's copy; the project must be copy_of() the target's. Throws sdk::Failure.
  void up_copy(const understudy::sdk::DrillRequest& request, const CopyRules& rules, const Deadline& deadline);
  /// The newest output of the project's services.
  [[nodiscard]] std::vector<std::string> logs(int lines, const Deadline& deadline);

 private:
  using Words = std::vector<std::string>;
  using Variables = std::map<std::string, std::string>;
  [[nodiscard]] std::string addition(const Variables& variables, const Variables& labels, const Words& services) const;
  void start(const Words& files, const Variables& variables, const Deadline& deadline);
  [[nodiscard]] Words files_and(const std::string& more) const;
  [[nodiscard]] understudy::sdk::Json run(const Words& words, const Words& files,
                                          const std::map<std::string, std::string>& env, const Deadline& deadline);
  [[nodiscard]] const Words& program(const Deadline& deadline);
  [[nodiscard]] std::vector<std::string> services(const Deadline& deadline);
  [[nodiscard]] std::vector<std::string> all_services(const Deadline& deadline);

  understudy::sdk::Host& host_;
  const Project& project_;
  Engine& engine_;
  Words program_;
};

/// The variables that a workload is started with.
[[nodiscard]] std::map<std::string, std::string> activation_variables(const understudy::sdk::ActivateRequest& request);

}  // namespace compose_plugin
