// The parts of an update that are counted with, whatever stands in them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "understudy/json.hpp"
#include "understudy/status.hpp"

namespace telegram_plugin {

constexpr std::int64_t most_in_json = 9'007'199'254'740'991;  ///< 2^53 - 1: what every reader of JSON keeps exactly

[[nodiscard]] inline std::optional<std::int64_t> number_in(const understudy::sdk::Json& object, const char* key) {
  if (!object.is_object()) return std::nullopt;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number_integer()) return std::nullopt;
  const auto number = it->get<std::int64_t>();
  return number >= -most_in_json && number <= most_in_json ? std::optional(number) : std::nullopt;
}

[[nodiscard]] inline std::string text_in(const understudy::sdk::Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// By which it is confirmed; none: a server that is not Telegram's.
[[nodiscard]] inline std::optional<std::int64_t> update_id(const understudy::sdk::Json& update) {
  const auto id = number_in(update, "update_id");
  return id && *id >= 0 ? id : std::nullopt;
}

/// Since the epoch; one that no clock can have shown is long ago.
[[nodiscard]] inline understudy::sdk::Millis sent_at(const understudy::sdk::Json& message) {
  constexpr std::int64_t latest_s = 100'000'000'000;
  const auto date = number_in(message, "date").value_or(0);
  return understudy::sdk::Millis((date > 0 && date < latest_s ? date : 0) * 1'000);
}

}  // namespace telegram_plugin
