// An alert in the three forms: our own JSON, Slack's incoming webhook, ntfy's JSON. Pure: alert in, request out.
#pragma once

#include <string>

#include "settings.hpp"
#include "understudy/types.hpp"

namespace webhook_plugin {

/// Of this message. Alerts that the core tells as one carry the first one's id: when that was perhaps delivered alone
/// before, this is not the same message, and who drops what comes twice must not drop it.
[[nodiscard]] std::string told_id(const understudy::sdk::Alert& alert);

struct Message {
  std::string url;
  std::string body;  ///< JSON, as it is signed and sent
};

/// `url` as it is known now, resolved. Throws Failure(invalid) when it cannot be used.
[[nodiscard]] Message compose(const Settings& settings, const std::string& url, const understudy::sdk::Alert& alert);

// One form a file.
[[nodiscard]] Json own_json(const understudy::sdk::Alert& alert);
[[nodiscard]] Json slack_json(const understudy::sdk::Alert& alert);
[[nodiscard]] Json ntfy_json(const understudy::sdk::Alert& alert, const std::string& topic);

}  // namespace webhook_plugin
