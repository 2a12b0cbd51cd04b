// What a failed rclone meant, from its exit code and its words: for a person, and whether to try again. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "understudy/status.hpp"

namespace rclone_store {

/// How one rclone ended.
struct Ended {
  int exit_code = -1;
  std::optional<int> signal;
  std::string out;                  ///< its standard output
  std::vector<std::string> errors;  ///< its last complaints, oldest first, without secrets
  [[nodiscard]] bool ok() const { return !signal && exit_code == 0; }
};

struct Diagnosis {
  understudy::sdk::Error error;
  bool again = false;  ///< the same command may well succeed a little later
};

/// `remote` with its colon and `config` (may be empty) are named in the hints.
[[nodiscard]] Diagnosis diagnose(const Ended& ended, const std::string& remote, const std::string& config);

/// Hides user:password in URLs, and each of `secrets`.
[[nodiscard]] std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

}  // namespace rclone_store
