#include "core/config/units.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <locale>
#include <numeric>
#include <sstream>
#include <vector>

namespace understudy::config {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Takes a decimal number off the front of `text`. Through a stream, since not every standard library's from_chars
/// knows double, and strtod heeds a locale that some library may have set.
std::optional<double> take_number(std::string_view& text) {
  static constexpr std::string_view digits = "0123456789";
  const std::size_t sign = text.starts_with('-') ? 1 : 0;
  auto end = std::min(text.find_first_not_of(digits, sign), text.size());
  if (end < text.size() && text[end] == '.') end = std::min(text.find_first_not_of(digits, end + 1), text.size());
  std::istringstream in{std::string(text.substr(0, end))};
  in.imbue(std::locale::classic());
  double value = 0;
  if (!(in >> value) || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(end);
  return value;
}

std::string_view take_letters(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z'))) ++n;
  const auto out = text.substr(0, n);
  text.remove_prefix(n);
  return out;
}

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 6> units{
      {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}}};
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    const auto unit = take_letters(text);
    const auto* found = std::ranges::find(units, unit, &std::pair<std::string_view, double>::first);
    if (!number || *number < 0 || found == units.end()) return std::nullopt;
    total += *number * found->second;
    text = trimmed(text);
  }
  if (total > 100.0 * 365 * 8.64e7) return std::nullopt;
  return Millis(std::llround(total));
}

std::string format_duration(Millis time) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  std::string out;
  auto left = time.count();
  for (const auto& [unit, size] : units) {
    if (left < size) continue;
    out += std::to_string(left / size) + std::string(unit);
    left %= size;
  }
  return out.empty() ? "0s" : out;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 10> units{{{"", 1},
                                                                       {"B", 1},
                                                                       {"KB", 1e3},
                                                                       {"kB", 1e3},
                                                                       {"MB", 1e6},
                                                                       {"GB", 1e9},
                                                                       {"KiB", 1024.0},
                                                                       {"MiB", 1048576.0},
                                                                       {"GiB", 1073741824.0},
                                                                       {"TB", 1e12}}};
  text = trimmed(text);
  const auto number = take_number(text);
  text = trimmed(text);
  const auto* found = std::ranges::find(units, text, &std::pair<std::string_view, double>::first);
  if (!number || *number < 0 || found == units.end() || *number * found->second > 9e18) return std::nullopt;
  return std::llround(*number * found->second);
}

std::optional<double> parse_money(std::string_view text) {
  text = trimmed(text);
  if (!text.empty() && text.front() == '$') text.remove_prefix(1);
  const auto number = take_number(text);
  text = trimmed(text);
  if (!number || !(text.empty() || text == "USD")) return std::nullopt;
  return number;
}

std::optional<double> parse_percent(std::string_view text) {
  text = trimmed(text);
  const auto number = take_number(text);
  if (!number || trimmed(text) != "%") return std::nullopt;
  return *number / 100;
}

std::string nearest(std::string_view wanted, std::span<const std::string> names) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, wanted.size() / 3) + 1;
  std::vector<std::size_t> row;
  for (const auto& name : names) {
    row.resize(name.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < name.size(); ++j) {
        const std::size_t change = diagonal + (wanted[i] == name[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = name;
    }
  }
  return best;
}

}  // namespace understudy::config
