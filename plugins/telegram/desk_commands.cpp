// Desk: commands.
#include "commands.hpp"
#include "desk.hpp"

namespace telegram_plugin {

using namespace understudy::sdk;

namespace {
constexpr Millis patience{30'000};
}

void Desk::command(const Json& in, const Person& person) {
  const auto typed = parse_command(in.value("text", ""), bot_name_);
  if (!typed) return;
  if (is_known(typed->word)) {
    return ask(host_, {typed->word, typed->service, typed->target, "", -1, person.by()}, patience,
               [this, in](const Outcome& outcome) { reply(in, outcome.text); });
  }
  // In a group an unknown word may be another bot's.
  const bool alone = in.at("chat").value("type", "") == "private";
  if (alone || typed->word == "help" || typed->word == "start") reply(in, help());
}

}  // namespace telegram_plugin
