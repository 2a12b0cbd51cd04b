// Why a session that did not deliver failed, for the person who must act. Pure.
#pragma once

#include <string>

#include <curl/curl.h>

#include "dialogue.hpp"
#include "settings.hpp"
#include "understudy/status.hpp"

namespace smtp_plugin {

/// How a session ended that the server did not accept a message in.
struct Ending {
  const Settings& settings;
  const Dialogue& dialogue;
  CURLcode code = CURLE_OK;
  std::string problem;  ///< in libcurl's words
  int os_error = 0;
  bool unwanted = false;  ///< we ended it: cancelled, or shutting down
};

[[nodiscard]] understudy::sdk::Error explain(const Ending& ending);

}  // namespace smtp_plugin
