// SPDX-License-Identifier: Apache-2.0
// JSON text to values and back, as it crosses the boundary at each call: what nlohmann/json gives, several times as
// quickly. Ordinary text is read and written here; whatever is unusual is left to the library, whose judgement stands.
// Pure; any thread.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace understudy::sdk {

/// Text from outside as JSON; discarded (is_discarded()) when it is none, or nested deeper than anything of ours.
/// Copying and writing JSON recurse, so that a megabyte of brackets would overflow the stack of whoever did it.
inline constexpr int deepest_json = 100;
[[nodiscard]] inline nlohmann::json parse_json(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > deepest_json) return nlohmann::json(nlohmann::json::value_t::discarded);
  }
  return nlohmann::json::parse(text, nullptr, false);
}

namespace detail {

/// How many bytes at the start stand for themselves within a JSON string: ASCII but control characters, `"` and `\`.
[[nodiscard]] inline std::size_t plain_prefix(std::string_view text) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U, tops = 0x8080808080808080U;
  constexpr auto has_zero = [](std::uint64_t w) { return (w - ones) & ~w & tops; };
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t control = (word - ones * 0x20U) & ~word & tops;
    if (((word & tops) | control | has_zero(word ^ (ones * '"')) | has_zero(word ^ (ones * '\\'))) != 0) break;
  }
  const auto plain = [](unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; };
  while (at < text.size() && plain(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

/// Reads the JSON that machines write. False: "not for me", which says nothing about the text.
class QuickReader {
 public:
  explicit QuickReader(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool all(nlohmann::json& out) {
    if (!value(out, 0)) return false;
    space();
    return rest_.empty();
  }

 private:
  static constexpr int deepest = 32;

  void space() noexcept {
    std::size_t n = 0;
    while (n < rest_.size() && (rest_[n] == ' ' || rest_[n] == '\n' || rest_[n] == '\t' || rest_[n] == '\r')) ++n;
    rest_.remove_prefix(n);
  }
  [[nodiscard]] bool take(std::string_view word) noexcept {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  [[nodiscard]] bool sign(char c) noexcept {
    space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  [[nodiscard]] bool value(nlohmann::json& out, int depth) {
    space();
    if (rest_.empty() || depth > deepest) return false;
    switch (rest_.front()) {
      case '{': return object(out, depth);
      case '[': return array(out, depth);
      case '"': {
        std::string text;
        if (!string(text)) return false;
        out = std::move(text);
        return true;
      }
      case 't': out = true; return take("true");
      case 'f': out = false; return take("false");
      case 'n': out = nullptr; return take("null");
      default: return number(out);
    }
  }

  [[nodiscard]] bool object(nlohmann::json& out, int depth) {
    rest_.remove_prefix(1);
    out = nlohmann::json::object();
    if (sign('}')) return true;
    do {
      std::string key;
      space();
      if (!string(key) || !sign(':') || !value(out[std::move(key)], depth + 1)) return false;
    } while (sign(','));
    return sign('}');
  }

  [[nodiscard]] bool array(nlohmann::json& out, int depth) {
    rest_.remove_prefix(1);
    out = nlohmann::json::array();
    if (sign(']')) return true;
    do {
      out.push_back(nullptr);
      if (!value(out.back(), depth + 1)) return false;
    } while (sign(','));
    return sign(']');
  }

  [[nodiscard]] bool string(std::string& out) {
    if (!take("\"")) return false;
    while (true) {
      const std::size_t n = plain_prefix(rest_);
      out.append(rest_, 0, n);
      rest_.remove_prefix(n);
      if (take("\"")) return true;
      if (!escaped(out)) return false;
    }
  }

  [[nodiscard]] bool escaped(std::string& out) {
    constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (rest_.size() < 2 || rest_[0] != '\\') return false;
    const auto which = names.find(rest_[1]);
    if (which == std::string_view::npos) return false;
    out += meanings[which];
    rest_.remove_prefix(2);
    return true;
  }

  /// Whole numbers that fit: of up to 18 digits.
  [[nodiscard]] bool number(nlohmann::json& out) {
    const bool negative = take("-");
    std::size_t digits = 0;
    std::int64_t sum = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      if (digits == 18) return false;
      sum = sum * 10 + (rest_[digits] - '0');
    }
    if (digits == 0 || (digits > 1 && rest_.front() == '0')) return false;
    rest_.remove_prefix(digits);
    if (!rest_.empty() && (rest_.front() == '.' || rest_.front() == 'e' || rest_.front() == 'E')) return false;
    if (negative) {
      out = -sum;
    } else {
      out = static_cast<std::uint64_t>(sum);
    }
    return true;
  }

  std::string_view rest_;
};

inline void write_string(std::string& out, const std::string& text) {
  constexpr std::string_view names = "\"\\bfnrt", meanings = "\"\\\b\f\n\r\t";
  const std::size_t before = out.size();
  out += '"';
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t n = plain_prefix(rest);
    out.append(rest, 0, n);
    rest.remove_prefix(n);
    if (rest.empty()) break;
    const auto which = meanings.find(rest.front());
    if (which == std::string_view::npos) {
      out.resize(before);
      out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      return;
    }
    out += '\\';
    out += names[which];
    rest.remove_prefix(1);
  }
  out += '"';
}

template <class Integer>
void write_integer(std::string& out, Integer number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

inline void write_value(std::string& out, const nlohmann::json& value) {
  using Type = nlohmann::json::value_t;
  switch (value.type()) {
    case Type::object: {
      out += '{';
      for (auto it = value.begin(); it != value.end(); ++it) {
        if (it != value.begin()) out += ',';
        write_string(out, it.key());
        out += ':';
        write_value(out, *it);
      }
      out += '}';
      return;
    }
    case Type::array: {
      out += '[';
      for (auto it = value.begin(); it != value.end(); ++it) {
        if (it != value.begin()) out += ',';
        write_value(out, *it);
      }
      out += ']';
      return;
    }
    case Type::string: return write_string(out, value.get_ref<const std::string&>());
    case Type::boolean: out += value.get<bool>() ? "true" : "false"; return;
    case Type::null: out += "null"; return;
    case Type::number_integer: return write_integer(out, value.get<std::int64_t>());
    case Type::number_unsigned: return write_integer(out, value.get<std::uint64_t>());
    default: out += value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

}  // namespace detail

/// The value, or one that is_discarded() when the text is no JSON. The last of equal keys counts.
[[nodiscard]] inline nlohmann::json read_json(std::string_view text) {
  nlohmann::json out;
  if (detail::QuickReader(text).all(out)) return out;
  return parse_json(text);
}

/// Text without line breaks. Bytes that are not UTF-8 (a child's output) become U+FFFD.
[[nodiscard]] inline std::string write_json(const nlohmann::json& value) {
  std::string out;
  detail::write_value(out, value);
  return out;
}

}  // namespace understudy::sdk
