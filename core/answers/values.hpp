// Single values in what a plugin answers: a null counts as missing. Pure.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "core/model/epoch_from.hpp"
#include "understudy/status.hpp"

namespace understudy::answers {

/// Not there, or null, as some serializers write what is not there. Throws Json::exception when `in` is no object.
[[nodiscard]] inline bool missing(const sdk::Json& in, const char* key) {
  (void)in.get_ref<const sdk::Json::object_t&>();
  const auto it = in.find(key);
  return it == in.end() || it->is_null();
}

/// `otherwise` when it is missing. Throws Json::exception when it is no text.
[[nodiscard]] inline std::string text(const sdk::Json& in, const char* key, std::string otherwise = {}) {
  return missing(in, key) ? std::move(otherwise) : in.at(key).get<std::string>();
}
[[nodiscard]] inline bool flag(const sdk::Json& in, const char* key, bool otherwise) {
  return missing(in, key) ? otherwise : in.at(key).get<bool>();
}

/// A whole number from `least` to `most`, a fraction cut off: nothing when it is another number, `otherwise` when it is
/// missing. Throws Json::exception when it is none at all, as the JSON library does.
[[nodiscard]] inline std::optional<std::int64_t> whole(const sdk::Json& in, const char* key, std::int64_t otherwise,
                                                       std::int64_t least, std::int64_t most) {
  if (missing(in, key)) return otherwise;
  const auto& value = in.at(key);
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  } else if (!value.is_number_integer()) {
    constexpr double exact = 9'007'199'254'740'992;
    // Throws for no number; a cast of what does not fit would be undefined.
    if (!(std::abs(value.get<double>()) <= exact)) return std::nullopt;
  }
  const auto number = value.get<std::int64_t>();
  return number >= least && number <= most ? std::optional(number) : std::nullopt;
}

/// What a service can have come to; nothing when it is another number, epoch 0 when it is missing.
[[nodiscard]] inline std::optional<Epoch> epoch(const sdk::Json& in, const char* key) {
  if (!missing(in, key) && in.at(key).is_number_float()) {
    const auto number = in.at(key).get<double>();
    if (number != std::floor(number)) return std::nullopt;
  }
  const auto number = whole(in, key, 0, 0, static_cast<std::int64_t>(most_told));
  return number ? std::optional(Epoch{static_cast<std::uint64_t>(*number)}) : std::nullopt;
}

/// A finite number that is not negative, as of money; nothing when it is another, 0 when it is missing.
[[nodiscard]] inline std::optional<double> amount(const sdk::Json& in, const char* key) {
  const double number = missing(in, key) ? 0 : in.at(key).get<double>();
  return std::isfinite(number) && number >= 0 ? std::optional(number) : std::nullopt;
}

}  // namespace understudy::answers
