// The commands that people may type. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "understudy/status.hpp"

namespace telegram_plugin {

struct Typed {
  std::string word;             ///< "status", without the slash
  std::string service, target;  ///< may be empty
};

/// None when the text is no command, or one for another bot ("/status@other").
[[nodiscard]] std::optional<Typed> parse_command(std::string_view text, std::string_view bot_name);
/// One that operator.request/1 knows by the same word.
[[nodiscard]] bool is_known(std::string_view word);
[[nodiscard]] std::string help();
/// For setMyCommands.
[[nodiscard]] understudy::sdk::Json command_list();

}  // namespace telegram_plugin
