#include "notifier.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "telegram", "version": "0.1.0", "license": "Apache-2.0", "summary": "Alerts as Telegram messages, with buttons and commands",
  "interfaces": {"notifier": {
    "provides": ["notify.send/1"],
    "settings": {"type": "object", "required": ["token", "chat"], "properties": {
      "token": {"type": "string", "x-secret": true, "description": "the bot's token, from @BotFather"},
      "chat": {"type": ["integer", "string"], "description": "number of the chat, or \"@name\" of a public group or channel"},
      "topic": {"type": "integer", "minimum": 1, "description": "number of a forum's topic (message_thread_id)"},
      "api": {"type": "string", "format": "url", "default": "https://api.telegram.org", "description": "address of the Bot API server"},
      "commands": {"type": "boolean", "default": false, "description": "read the bot's updates: commands and buttons; no other program may read this bot's"},
      "users": {"type": "array", "items": {"type": "integer"}, "description": "numeric ids of those who may use commands and buttons"},
      "replies": {"type": "string", "enum": ["resolved", "important", "all"], "default": "important", "description": "what of an incident gets a short reply beside the edit, which makes no sound; important: its end, moves by hand, and what is critical"},
      "quiet": {"type": "array", "items": {"type": "string", "enum": ["info", "warning", "critical"]}, "description": "severities whose events come without a sound; default [\"info\"]"},
      "facts": {"type": "array", "items": {"type": "string"}, "description": "facts of an alert to show; default [\"decision\", \"cost\"]"},
      "time_zone": {"type": "string", "enum": ["local", "utc"], "default": "local", "description": "of the times in messages"},
      "pace": {"type": "integer", "format": "duration", "minimum": 0, "default": 1000, "description": "between two messages to a chat"},
      "per_minute": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20, "description": "messages a minute to a group or channel"},
      "send_timeout": {"type": "integer", "format": "duration", "minimum": 1, "default": 10000, "description": "for one request"},
      "poll_timeout": {"type": "integer", "format": "duration", "minimum": 1000, "default": 50000, "description": "how long a poll for updates waits at the server, at most 50 s"},
      "button_expiry": {"type": "integer", "format": "duration", "minimum": 1, "default": 86400000, "description": "an older button does nothing"},
      "confirm_within": {"type": "integer", "format": "duration", "minimum": 1, "default": 120000, "description": "time for the second press of Promote and Fail back"},
      "command_age": {"type": "integer", "format": "duration", "minimum": 1, "default": 120000, "description": "a command that waited longer is not carried out"}
    }}}},
  "needs": ["http.request/1", "timer.after/1", "clock.now/1", "secret.get/1"],
  "uses": ["operator.request/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "notifier") return nullptr;
                    return std::make_unique<telegram_plugin::Notifier>(host, e);
                  })
