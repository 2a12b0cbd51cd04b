// The supervisor (`understudy agent`) inside a service: /activate, /deactivate, /health. [worker threads]
#pragma once

#include <functional>
#include <string>

#include "health_answer.hpp"
#include "tokens.hpp"
#include "wire.hpp"

namespace gcp {

class Supervisor {
 public:
  struct Options {
    understudy::sdk::Json api_key;  ///< {"$secret": key}, or null
    bool identity_token = false;    ///< the service lets in only who shows one
    std::string audience;           ///< of that token; empty: the service's address
    std::string store;              ///< told to /activate: where the snapshots are; empty: it knows
    std::string health_path = "/health";
  };
  Supervisor(understudy::sdk::Host& host, Tokens& tokens, Options options)
      : host_(host), tokens_(tokens), options_(std::move(options)) {}

  /// Throws sdk::Failure(transient) when nothing answers.
  [[nodiscard]] SupervisorHealth health(const std::string& base, const Deadline& deadline);
  /// Asked only; whether the workload runs is seen by health(). Returns which supervisor heard it (as
  /// SupervisorHealth::instance). Throws `transient` with kind "busy" when it must first end something else, `unknown`
  /// when it is not known whether it was understood.
  std::string activate(const std::string& base, const understudy::sdk::ActivateRequest& request,
                       const Deadline& deadline);
  std::string deactivate(const std::string& base, const understudy::sdk::DeactivateRequest& request,
                         const Deadline& deadline);
  /// GET of any path with the same credentials.
  [[nodiscard]] Answer get(const std::string& base, const std::string& path, const Deadline& deadline);

 private:
  [[nodiscard]] Answer ask(Ask request, const std::string& base, const Deadline& deadline);
  std::string post(const std::string& base, const char* path, const understudy::sdk::Json& body,
                   const Deadline& deadline);
  [[nodiscard]] std::string api_key();

  understudy::sdk::Host& host_;
  Tokens& tokens_;
  const Options options_;
};

}  // namespace gcp
