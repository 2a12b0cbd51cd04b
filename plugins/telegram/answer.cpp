#include "answer.hpp"

#include <algorithm>
#include <cctype>

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::string_view chat_hint =
    "check `chat`; a person must press Start in the bot's chat first, a group or channel must have the bot as a member";
constexpr std::string_view rights_hint = "let the bot write there: add it again, or make it an administrator";

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

void blot(std::string& text, std::string_view what) {
  if (what.size() < 6) return;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.replace(at, what.size(), "[token]");
}

/// Nothing reached Telegram, or it may have: then a message may have been sent.
Error lost(std::string_view method, const Error& from, std::string_view token) {
  Error out = from;
  if (out.status == Status::transient && !from.never_arrived()) out.status = Status::unknown;
  out.message = without_token("Telegram does not answer to " + std::string(method) + ": " + from.message, token);
  out.hint = without_token(from.hint, token);
  return out;
}

struct Meaning {
  Status status;
  std::string_view hint;
};

Meaning bad_request(const Answer& a) {
  for (const auto* words : {"chat not found", "user not found", "PEER_ID_INVALID", "chat_id is empty"}) {
    if (a.says(words)) return {Status::denied, chat_hint};
  }
  for (const auto* words : {"not enough rights", "have no rights", "need administrator rights", "CHAT_WRITE_FORBIDDEN",
                            "CHAT_ADMIN_REQUIRED", "TOPIC_CLOSED"}) {
    if (a.says(words)) return {Status::denied, rights_hint};
  }
  return {Status::invalid, ""};
}

Meaning meaning_of(const Answer& a) {
  if (a.code == 401)
    return {Status::denied,
            "the token is not valid (any more): @BotFather shows it with /token; write it where `token` points"};
  if (a.code == 403) return {Status::denied, "the chat has shut the bot out: unblock it, or add it to the group again"};
  if (a.code == 404)
    return {Status::denied, "Telegram answers so to a malformed token, too: check `token`, and `api` if it is set"};
  if (a.code == 409)
    return {Status::conflict, "one program alone may read a bot's updates: give this one a bot of its own"};
  if (a.code == 429) return {Status::transient, ""};
  if (a.code >= 500) return {Status::transient, ""};
  if (a.code == 400) return bad_request(a);
  return {Status::invalid, "is `api` the address of a Bot API server?"};
}

void refuse(Answer& out, std::string_view method, const Json& body) {
  const auto meaning = meaning_of(out);
  const Json parameters = body.is_object() ? body.value("parameters", Json::object()) : Json::object();
  if (parameters.is_object()) {
    if (const auto it = parameters.find("migrate_to_chat_id"); it != parameters.end() && it->is_number_integer())
      out.moved_to = it->get<std::int64_t>();
    if (const auto it = parameters.find("retry_after"); it != parameters.end() && it->is_number_integer())
      out.error.retry_after = Millis(std::max<std::int64_t>(1, it->get<std::int64_t>()) * 1'000);
  }
  if (out.code == 429 && !out.error.retry_after) out.error.retry_after = Millis(5'000);
  out.error.status = meaning.status;
  out.error.hint = meaning.hint;
  out.error.message = "Telegram answers " + std::to_string(out.code) + " to " + std::string(method) +
                      (out.said.empty() ? "" : ": " + out.said);
}

Json body_of(const Result& http) {
  const auto it = http.value.find("body");
  if (it == http.value.end() || !it->is_string()) return {};
  return parse_json(it->get_ref<const std::string&>());
}

}  // namespace

bool Answer::says(std::string_view text) const { return contains(said, text); }

std::string without_token(std::string text, std::string_view token) {
  blot(text, token);
  if (const auto colon = token.find(':'); colon != std::string_view::npos) blot(text, token.substr(colon + 1));
  return text;
}

Answer read_answer(std::string_view method, const Result& http, std::string_view token) {
  Answer out;
  if (!http.ok()) {
    out.error = lost(method, http.error, token);
    return out;
  }
  out.code = http.value.value("status", 0);
  out.took_us = http.value.value("time_us", std::int64_t{0});
  const Json body = body_of(http);
  if (body.is_object() && body.contains("description") && body.at("description").is_string())
    out.said = without_token(body.at("description").get<std::string>(), token);
  if (out.code != 200) {
    refuse(out, method, body);
  } else if (body.is_object() && body.value("ok", false)) {
    out.result = body.value("result", Json());
  } else {
    out.error = {Status::unknown,
                 "Telegram's answer to " + std::string(method) + " is not what a Bot API server says",
                 "is `api` the address of a Bot API server?",
                 "garbage",
                 {}};
  }
  return out;
}

}  // namespace telegram_plugin
