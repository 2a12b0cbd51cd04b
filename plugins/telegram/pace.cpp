#include "pace.hpp"

#include <algorithm>

namespace telegram_plugin {
namespace {
constexpr Pace::Millis minute{60'000};
}

Pace::Millis Pace::wait(const std::string& chat, bool group, Millis now) const {
  const auto it = chats_.find(chat);
  if (it == chats_.end()) return Millis(0);
  const auto& sent = it->second.sent;
  Millis until = it->second.held_until;
  if (!sent.empty()) until = std::max(until, sent.back() + gap_);
  const auto allowed = static_cast<std::size_t>(per_minute_);
  if (group && sent.size() >= allowed) until = std::max(until, sent[sent.size() - allowed] + minute);
  return std::max(Millis(0), until - now);
}

void Pace::wrote(const std::string& chat, Millis now) {
  auto& sent = chats_[chat].sent;
  while (!sent.empty() && sent.front() + minute <= now) sent.pop_front();
  sent.push_back(now);
}

void Pace::hold(const std::string& chat, Millis until) {
  auto& held = chats_[chat].held_until;
  held = std::max(held, until);
}

}  // namespace telegram_plugin
