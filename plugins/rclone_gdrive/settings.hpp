// The settings of one instance, checked as far as that goes without asking rclone.
#pragma once

#include <string>

#include "understudy/status.hpp"

namespace rclone_store {

struct Settings {
  enum class Check { automatic, size, download };

  std::string remote;  ///< "neo_remote:NeoLight": everything of ours lies below it
  std::string program = "rclone";
  std::string config;                  ///< rclone's configuration; empty: rclone's own default
  understudy::sdk::Json password_key;  ///< {"$secret": key} for an encrypted configuration, or null
  std::string work_dir;
  std::string bandwidth_limit;
  int transfers = 4;
  Check check = Check::automatic;
  bool incremental = true;
  int retries = 3;
  understudy::sdk::Millis retry_wait{2000};

  /// Throws sdk::Failure(invalid).
  [[nodiscard]] static Settings from_json(const understudy::sdk::Json& in);
  /// The remote's name with its colon ("neo_remote:"), or "" for a plain folder.
  [[nodiscard]] std::string remote_name() const;
};

}  // namespace rclone_store
