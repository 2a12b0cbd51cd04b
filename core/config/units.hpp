// Text with units → values, and the nearest of several names. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/model/time.hpp"

namespace understudy::config {

/// "90s", "1h30m", "250ms", "2d". Nothing for anything else (a bare number too), or over 100 years.
[[nodiscard]] std::optional<Millis> parse_duration(std::string_view text);
/// As a person would write it: "1h30m", "250ms", "0s". parse_duration() reads it back.
[[nodiscard]] std::string format_duration(Millis time);
/// "64MiB", "1.5GB", "512"; powers of 1024 with an i, of 1000 without.
[[nodiscard]] std::optional<std::int64_t> parse_size(std::string_view text);
/// "$12.50", "12.50 USD", "0.25".
[[nodiscard]] std::optional<double> parse_money(std::string_view text);
/// "5%" → 0.05.
[[nodiscard]] std::optional<double> parse_percent(std::string_view text);

/// The name nearest to `wanted` by edit distance, when it is near enough to be what was meant.
[[nodiscard]] std::string nearest(std::string_view wanted, std::span<const std::string> names);

}  // namespace understudy::config
