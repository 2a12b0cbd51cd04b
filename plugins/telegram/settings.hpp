// What the configuration says, checked beyond its schema.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "understudy/types.hpp"

namespace telegram_plugin {

struct Settings {
  std::string token_key;         ///< for secret.get/1
  understudy::sdk::Json chat;    ///< a number, or "@name" of a public channel or group
  std::int64_t topic = 0;        ///< message_thread_id; 0: none
  std::string api;               ///< without a trailing slash
  bool commands = false;         ///< poll, take commands and show buttons
  std::set<std::int64_t> users;  ///< who may use them
  enum class Replies { resolved, important, all } replies = Replies::important;
  std::set<std::string> quiet;     ///< severities whose events make no sound
  std::vector<std::string> facts;  ///< which facts are shown, in this order
  bool utc = false;
  understudy::sdk::Millis pace{1'000};
  int per_minute = 20;
  understudy::sdk::Millis send_timeout{10'000}, poll_timeout{50'000};
  understudy::sdk::Millis button_expiry{86'400'000}, confirm_within{120'000}, command_age{120'000};

  /// Throws sdk::Failure with what is wrong.
  [[nodiscard]] static Settings from(const understudy::sdk::Json& in);
};

/// A chat as a key for maps and for comparing: "-1001", "@name".
[[nodiscard]] std::string name_of(const understudy::sdk::Json& chat);
/// Groups, supergroups and channels have negative numbers, or names.
[[nodiscard]] bool is_group(const understudy::sdk::Json& chat);

}  // namespace telegram_plugin
