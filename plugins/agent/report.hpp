// What an agent says of itself at /health, read carefully. Pure, but for the time at which it is read.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "understudy/types.hpp"

namespace agent_plugin {

struct Report {
  std::string service, status, mode, workload, detail;
  std::string instance;  ///< which agent it is; empty: one that does not say, or not as an agent does
  std::optional<std::chrono::steady_clock::time_point> began;  ///< its process, by our clock; none: it does not say
  std::optional<std::uint64_t> epoch;  ///< the newest that was ever accepted there; none yet: nothing
  bool unsaved = false;                ///< what the workload left is not in the store
  std::string unsaved_detail;          ///< where it is
  std::string lease_failure;           ///< why its lease was not renewed when it last tried; empty: it was
  /// The last activation, when it has come to nothing.
  struct Failed {
    std::uint64_t epoch = 0;
    std::string operation, why;
  };
  std::optional<Failed> failed;

  /// `stopped` only of an agent that stands by: one that has given up, or waits for its lease, still holds its order.
  [[nodiscard]] understudy::sdk::Observation::State state() const;
  /// Only what can be told: before it stands by, a last save may still come.
  [[nodiscard]] std::optional<bool> left_unsaved() const;
  [[nodiscard]] std::string told() const;  ///< for people
};

/// Nothing when it is not an agent's answer.
[[nodiscard]] std::optional<Report> read_report(const understudy::sdk::Json& body);

/// Which agent gave an answer, from its body; empty: it does not say, or not as an agent does.
[[nodiscard]] std::string instance_in(const understudy::sdk::Json& body);

/// What an agent answers to an order that it does not take. All fields may be empty.
struct Refusal {
  std::string code, message, hint;
};
[[nodiscard]] Refusal read_refusal(const understudy::sdk::Json& body);

}  // namespace agent_plugin
