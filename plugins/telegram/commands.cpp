#include "commands.hpp"

#include <algorithm>
#include <cctype>

namespace telegram_plugin {
namespace {

using understudy::sdk::Json;

struct Known {
  const char* word;
  const char* arguments;
  const char* meaning;
};
constexpr Known known[] = {{"status", "[service]", "how things stand"},
                           {"plan", "[service] [target]", "what a failover would do now"},
                           {"history", "[service]", "what happened lately"},
                           {"pause", "[service]", "no automatic moves for a while"},
                           {"resume", "[service]", "automatic moves again"}};

std::string_view next_word(std::string_view& rest) {
  const auto from = std::min(rest.find_first_not_of(" \t\r\n"), rest.size());
  rest.remove_prefix(from);
  const auto end = std::min(rest.find_first_of(" \t\r\n"), rest.size());
  const auto out = rest.substr(0, end);
  rest.remove_prefix(end);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

std::optional<Typed> parse_command(std::string_view text, std::string_view bot_name) {
  auto word = next_word(text);
  if (word.size() < 2 || word.front() != '/') return std::nullopt;
  word.remove_prefix(1);
  if (const auto at = word.find('@'); at != std::string_view::npos) {
    if (lower(word.substr(at + 1)) != lower(bot_name)) return std::nullopt;
    word = word.substr(0, at);
  }
  Typed out;
  out.word = lower(word);
  out.service = next_word(text);
  out.target = next_word(text);
  return out;
}

bool is_known(std::string_view word) {
  return std::ranges::any_of(known, [&](const Known& k) { return word == k.word; });
}

std::string help() {
  std::string out;
  for (const auto& k : known)
    out += std::string(out.empty() ? "" : "\n") + "/" + k.word + " " + k.arguments + " – " + k.meaning;
  return out;
}

Json command_list() {
  Json out = Json::array();
  for (const auto& k : known) out.push_back({{"command", k.word}, {"description", k.meaning}});
  return out;
}

}  // namespace telegram_plugin
