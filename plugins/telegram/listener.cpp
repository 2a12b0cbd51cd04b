#include "listener.hpp"

#include <algorithm>

#include "commands.hpp"
#include "update.hpp"

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis quick{10'000}, margin{10'000};
constexpr Millis first_pause{1'000}, conflict_pause{3'000}, longest_pause{60'000};
constexpr Millis between_empty{1'000};  // for a server that answers at once where it should wait

std::string advice(const Answer& answer) {
  if (answer.code != 409) return answer.error.hint;
  if (answer.says("webhook"))
    return "the bot has a webhook: remove it (deleteWebhook), or give this one a bot of its own";
  return "another program reads this bot's updates: stop it, or give this one a bot of its own";
}

}  // namespace

void Listener::introduce() {
  api_.start("getMe", Json::object(), quick, [this](const Answer& answer) {
    if (!answer.ok()) return failed(answer, [this] { introduce(); });
    on_name_(text_in(answer.result, "username"));
    // For the menu in people's programs only: whatever comes of it, the commands work.
    api_.start("setMyCommands", {{"commands", command_list()}}, quick, [this](const Answer& menu) {
      if (!menu.ok()) host_.log(LogLevel::debug, "the menu of commands was not set: " + menu.error.message);
      poll();
    });
  });
}

void Listener::poll() {
  const auto seconds = std::max<std::int64_t>(1, settings_.poll_timeout.count() / 1'000);
  Json params = {{"timeout", seconds}, {"limit", 100}, {"allowed_updates", {"message", "callback_query"}}};
  if (offset_ > 0) params["offset"] = offset_;
  api_.start("getUpdates", params, Millis(seconds * 1'000) + margin, [this](const Answer& answer) { polled(answer); });
}

void Listener::polled(const Answer& answer) {
  if (!answer.ok()) return failed(answer, [this] { poll(); });
  well();
  if (!answer.result.is_array() || answer.result.empty()) {
    const bool at_once = answer.took_us < 500'000;
    return later(at_once ? between_empty : Millis(0), [this] { poll(); });
  }
  with_moment(
      host_,
      [this, updates = answer.result](const Moment& now) {
        if (take(updates, now)) return poll();
        later(first_pause, [this] { poll(); });
      },
      [this](const Error& error) {  // they are not confirmed, so they come again
        host_.log(LogLevel::warning, "commands wait, because the clock cannot be read: " + error.message);
        later(first_pause, [this] { poll(); });
      });
}

bool Listener::take(const Json& updates, const Moment& now) {
  const auto before = offset_;
  for (const auto& update : updates) {
    const auto id = update_id(update);
    if (!id) {
      host_.log(LogLevel::warning, "an update without a number was left out");
      continue;
    }
    // Confirmed by the next request whatever comes of it: one that we choke on must not come again for ever.
    offset_ = std::max(offset_, *id + 1);
    try {
      on_update_(update, now);
    } catch (const std::exception& e) {
      host_.log(LogLevel::warning, std::string("an update of a strange form was left out: ") + e.what());
    }
  }
  return offset_ > before;
}

void Listener::failed(const Answer& answer, std::function<void()> again) {
  if (answer.error.status == Status::cancelled) return;  // we are being destroyed
  // A poll that the network ended early is everyday; the same twice is worth a line.
  const bool certain = answer.error.status != Status::unknown && answer.error.status != Status::transient;
  if ((certain || failures_ > 0) && complaint_ != answer.error.message) {
    complaint_ = answer.error.message;
    host_.log(certain ? LogLevel::error : LogLevel::warning, "commands and buttons do not work: " + complaint_,
              {{"hint", advice(answer)}});
  }
  auto pause = answer.code == 409 ? conflict_pause : first_pause;
  for (int i = 0; i < failures_ && pause < longest_pause; ++i) pause *= 2;
  ++failures_;
  later(std::max(std::min(pause, longest_pause), answer.error.retry_after.value_or(Millis(0))), std::move(again));
}

void Listener::well() {
  if (!complaint_.empty()) host_.log(LogLevel::info, "commands and buttons work again");
  complaint_.clear();
  failures_ = 0;
}

void Listener::later(Millis wait, std::function<void()> what) {
  host_.call("timer.after/1", {{"ms", wait.count()}}, wait + Millis(5'000),
             [this, what = std::move(what)](const Result& result) {
               if (result.error.status == Status::cancelled && !result.ok()) return;  // we are being destroyed
               if (!result.ok())
                 host_.log(LogLevel::warning, "commands go on without a pause: " + result.error.message);
               what();
             });
}

}  // namespace telegram_plugin
