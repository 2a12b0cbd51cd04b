#include "buttons.hpp"

#include <algorithm>
#include <random>

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t most_entries = 1'000, nonce_letters = 16;
constexpr std::string_view prefix = "u1:";  // callback_data holds 64 bytes at most; all else is remembered here
constexpr Buttons::Millis expired_are_known_for{3'600'000};

std::string nonce() {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  static thread_local std::random_device device;
  std::uniform_int_distribution<std::size_t> pick(0, letters.size() - 1);
  std::string out;
  while (out.size() < nonce_letters) out += letters[pick(device)];
  return out;
}

bool answers_a_question(Button::Action action) {
  return action == Button::Action::yes_promote || action == Button::Action::yes_failback ||
         action == Button::Action::cancel;
}

}  // namespace

Keyboard Buttons::make(const std::string& group, const std::vector<Button>& row, Millis now, Millis expires) {
  const std::lock_guard lock(mutex_);
  forget_some(now);
  Keyboard out;
  out.batch = next_batch_++;
  if (row.empty()) return out;
  Json shown = Json::array();
  for (const auto& button : row) {
    const auto key = nonce();
    entries_[key] = {button, group, out.batch, expires};
    shown.push_back({{"text", button.label}, {"callback_data", std::string(prefix) + key}});
  }
  out.markup = {{"inline_keyboard", Json::array({std::move(shown)})}};
  return out;
}

void Buttons::settle(const std::string& group, std::uint64_t batch) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& e) { return e.second.group == group && e.second.batch != batch; });
}

Buttons::Pressed Buttons::take(const std::string& data, Millis now) {
  const std::lock_guard lock(mutex_);
  if (data.rfind(prefix, 0) != 0) return {};
  const auto it = entries_.find(data.substr(prefix.size()));
  if (it == entries_.end()) return {};
  const Entry entry = std::move(it->second);
  entries_.erase(it);
  if (answers_a_question(entry.button.action))
    std::erase_if(entries_, [&](const auto& e) { return e.second.batch == entry.batch; });
  if (entry.expires <= now) return {std::nullopt, true};
  return {entry.button, false};
}

void Buttons::forget_some(Millis now) {
  std::erase_if(entries_, [&](const auto& e) { return e.second.expires + expired_are_known_for <= now; });
  while (entries_.size() > most_entries) {
    entries_.erase(std::ranges::min_element(entries_, {}, [](const auto& e) { return e.second.batch; }));
  }
}

}  // namespace telegram_plugin
