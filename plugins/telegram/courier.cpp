#include "courier.hpp"

#include <algorithm>

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

/// A longer wait is the caller's: the worker would keep others' messages waiting.
constexpr Millis longest_nap{5'000};
/// With less time left nothing is begun: it would only be cut off.
constexpr Millis least_time{200};
constexpr int most_attempts = 4;  // one for each thing that can be mended, and the one that works

const Json no_buttons = {{"inline_keyboard", Json::array()}};

Json base_of(const Json& chat, const Lines& text) {
  return {{"chat_id", chat},
          {"text", html(text)},
          {"parse_mode", "HTML"},
          {"link_preview_options", {{"is_disabled", true}}}};
}

}  // namespace

Courier::Courier(Host& host, Api& api, const Settings& settings)
    : host_(host), api_(api), settings_(settings), pace_(settings.pace, settings.per_minute) {}

Posted Courier::send(const Message& message, Millis until) {
  Json params = base_of(message.chat, message.text);
  if (message.topic != 0) params["message_thread_id"] = message.topic;
  if (message.reply_to != 0)
    params["reply_parameters"] = {{"message_id", message.reply_to}, {"allow_sending_without_reply", true}};
  if (!message.buttons.is_null()) params["reply_markup"] = message.buttons;
  if (message.silent) params["disable_notification"] = true;
  const auto answer = post("sendMessage", std::move(params), plain(message.text), until);
  if (!answer.ok()) throw Failure(answer.error);
  Posted out{current(message.chat), 0};
  if (!answer.result.is_object()) return out;
  out.id = answer.result.value("message_id", std::int64_t{0});
  const Json chat = answer.result.value("chat", Json::object());
  if (chat.is_object() && chat.contains("id") && chat.at("id").is_number_integer()) out.chat = chat.at("id");
  return out;
}

bool Courier::edit(const Posted& where, const Lines& text, const Json& buttons, Millis until) {
  Json params = base_of(where.chat, text);
  params["message_id"] = where.id;
  params["reply_markup"] = buttons.is_null() ? no_buttons : buttons;
  return edited(post("editMessageText", std::move(params), plain(text), until));
}

bool Courier::edit_buttons(const Posted& where, const Json& buttons, Millis until) {
  return edited(post(
      "editMessageReplyMarkup",
      {{"chat_id", where.chat}, {"message_id", where.id}, {"reply_markup", buttons.is_null() ? no_buttons : buttons}},
      "", until));
}

bool Courier::edited(const Answer& answer) {
  if (answer.ok() || answer.says("message is not modified")) return true;
  for (const auto* words : {"message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID"}) {
    if (answer.says(words)) return false;
  }
  throw Failure(answer.error);
}

Answer Courier::post(const std::string& method, Json params, const std::string& plain_text, Millis until) {
  const Json chat = params.at("chat_id");
  for (int attempt = 1;; ++attempt) {
    params["chat_id"] = current(chat);
    take_turn(params["chat_id"], until);
    const auto left = until - moment(host_).monotonic;
    auto answer = api_.call(method, params, std::clamp(left, Millis(1), settings_.send_timeout));
    if (answer.ok() || attempt == most_attempts || !mend(answer, params, plain_text)) return answer;
  }
}

bool Courier::mend(const Answer& answer, Json& params, const std::string& plain_text) {
  const Json chat = params.at("chat_id");
  if (answer.moved_to) {
    moved(chat, *answer.moved_to);
    return true;
  }
  if (answer.code == 429) {
    const auto wait = answer.error.retry_after.value_or(longest_nap);
    pace_.hold(name_of(chat), moment(host_).monotonic + wait);
    return wait <= longest_nap;
  }
  if (answer.says("can't parse entities") && params.contains("parse_mode")) {
    params.erase("parse_mode");
    params["text"] = plain_text;
    host_.log(LogLevel::warning, "Telegram cannot parse the text, which goes out plain: " + answer.said);
    return true;
  }
  if (answer.says("message thread not found") && params.contains("message_thread_id")) {
    params.erase("message_thread_id");
    host_.log(LogLevel::warning, "the topic is gone; the message goes to the chat's general topic: correct `topic`");
    return true;
  }
  return false;
}

void Courier::take_turn(const Json& chat, Millis until) {
  const auto key = name_of(chat);
  auto now = moment(host_).monotonic;
  const auto wait = pace_.wait(key, is_group(chat), now);
  if (wait > longest_nap || (wait > Millis(0) && now + wait + least_time > until)) {
    throw Failure(Error{Status::transient,
                        "the chat takes no more messages for " + std::to_string(wait.count()) + " ms",
                        "Telegram limits how fast a chat may be written to", "pace", wait});
  }
  if (now + least_time > until) throw Failure(Status::transient, "the time for sending was used up by waiting");
  if (wait > Millis(0)) {
    (void)host_.blocking("timer.after/1", {{"ms", wait.count()}}, wait + Millis(5'000)).get();
    now = moment(host_).monotonic;
  }
  pace_.wrote(key, now);
}

Json Courier::current(const Json& chat) const {
  const std::lock_guard lock(mutex_);
  const auto it = moved_.find(name_of(chat));
  return it == moved_.end() ? chat : Json(it->second);
}

void Courier::moved(const Json& from, std::int64_t to) {
  {
    const std::lock_guard lock(mutex_);
    if (!moved_.emplace(name_of(from), to).second) return;
  }
  host_.log(LogLevel::warning, "the group " + name_of(from) +
                                   " is a supergroup now: write chat = " + std::to_string(to) +
                                   " into the configuration (until then each start asks the old one first)");
}

}  // namespace telegram_plugin
