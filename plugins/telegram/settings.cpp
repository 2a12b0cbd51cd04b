#include "settings.hpp"

#include <algorithm>
#include <charconv>

#include "understudy/status.hpp"

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis longest_poll{50'000};  // the server cuts longer ones

[[noreturn]] void wrong(const std::string& message, const std::string& hint) {
  throw Failure(Status::invalid, message, hint);
}

Json chat_from(const Json& in) {
  if (in.is_number_integer()) return in;
  auto text = in.is_string() ? in.get<std::string>() : std::string();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  if (text.size() > 1 && text.front() == '@') return text;
  wrong("chat \"" + text + "\" is neither a number nor @name",
        "send the bot a message in that chat and look for \"chat\":{\"id\": in the answer of getUpdates; see "
        "docs/plugins/telegram.md");
}

Settings::Replies replies_from(const std::string& word) {
  if (word == "resolved") return Settings::Replies::resolved;
  return word == "all" ? Settings::Replies::all : Settings::Replies::important;
}

Millis millis(const Json& in, const char* key, Millis otherwise) {
  return Millis(in.value(key, static_cast<std::int64_t>(otherwise.count())));
}

void read_times(Settings& out, const Json& in) {
  out.pace = millis(in, "pace", out.pace);
  out.send_timeout = millis(in, "send_timeout", out.send_timeout);
  out.poll_timeout = std::min(millis(in, "poll_timeout", out.poll_timeout), longest_poll);
  out.button_expiry = millis(in, "button_expiry", out.button_expiry);
  out.confirm_within = millis(in, "confirm_within", out.confirm_within);
  out.command_age = millis(in, "command_age", out.command_age);
}

}  // namespace

Settings Settings::from(const Json& in) {
  Settings out;
  const Json token = in.value("token", Json());
  out.token_key = token.is_object() ? token.value("$secret", "") : "";
  if (out.token_key.empty()) {
    wrong("token is missing or written into the file", "token = { env = \"TELEGRAM_TOKEN\" }, or { file = \"/path\" }");
  }
  out.chat = chat_from(in.value("chat", Json()));
  out.topic = in.value("topic", std::int64_t{0});
  out.api = in.value("api", "https://api.telegram.org");
  while (!out.api.empty() && out.api.back() == '/') out.api.pop_back();
  out.commands = in.value("commands", false);
  out.users = in.value("users", std::set<std::int64_t>());
  if (out.commands && out.users.empty()) {
    wrong("commands = true needs users, the numeric ids of those who may use them",
          "yours is \"from\":{\"id\": in the answer of getUpdates when you have written to the bot; membership of the "
          "chat permits nothing");
  }
  out.replies = replies_from(in.value("replies", "important"));
  out.quiet = in.value("quiet", std::set<std::string>{"info"});
  out.facts = in.value("facts", std::vector<std::string>{"decision", "cost"});
  out.utc = in.value("time_zone", "local") == "utc";
  out.per_minute = in.value("per_minute", 20);
  read_times(out, in);
  return out;
}

std::string name_of(const Json& chat) {
  if (chat.is_number_integer()) return std::to_string(chat.get<std::int64_t>());
  return chat.is_string() ? chat.get<std::string>() : std::string();
}

bool is_group(const Json& chat) { return !chat.is_number_integer() || chat.get<std::int64_t>() < 0; }

}  // namespace telegram_plugin
