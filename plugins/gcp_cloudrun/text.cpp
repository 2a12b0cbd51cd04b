#include "text.hpp"

#include <openssl/evp.h>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace gcp {

using understudy::sdk::Json;
using understudy::sdk::Millis;

std::string escaped(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += digits[c >> 4];
      out += digits[c & 15];
    }
  }
  return out;
}

std::string form(const Form& fields) {
  std::string out;
  for (const auto& [key, value] : fields) {
    if (!out.empty()) out += '&';
    out += escaped(key) + "=" + escaped(value);
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t padding = 0;
  while (padding < 3 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0 || padding > 2) return std::nullopt;
  out.resize(static_cast<std::size_t>(n) - padding);
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out = base64(bytes);
  while (!out.empty() && out.back() == '=') out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string padded(text);
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  while (padded.size() % 4 != 0) padded += '=';
  return from_base64(padded);
}

std::optional<std::int64_t> rfc3339_ms(const std::string& text) {
  std::tm t{};
  int used = 0;
  // NOLINTNEXTLINE(cert-err34-c): the count of fields is checked
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
                  &t.tm_sec, &used) != 6)
    return std::nullopt;
  t.tm_year -= 1900;
  t.tm_mon -= 1;
  double fraction = 0;
  if (const auto rest = text.substr(static_cast<std::size_t>(used)); !rest.empty() && rest.front() == '.')
    fraction = std::strtod(("0" + rest).c_str(), nullptr);
  return static_cast<std::int64_t>(::timegm(&t)) * 1000 + static_cast<std::int64_t>(fraction * 1000);
}

std::optional<std::int64_t> http_date_ms(const std::string& text) {
  static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::tm t{};
  char month[4] = {};
  const auto comma = text.find(", ");
  // NOLINTNEXTLINE(cert-err34-c): the count of fields is checked
  if (comma == std::string::npos || std::sscanf(text.c_str() + comma, ", %2d %3s %4d %2d:%2d:%2d", &t.tm_mday, month,
                                                &t.tm_year, &t.tm_hour, &t.tm_min, &t.tm_sec) != 6)
    return std::nullopt;
  const auto at = months.find(month);
  if (at == std::string_view::npos || at % 3 != 0) return std::nullopt;
  t.tm_mon = static_cast<int>(at / 3);
  t.tm_year -= 1900;
  return static_cast<std::int64_t>(::timegm(&t)) * 1000;
}

std::optional<Millis> duration_of(const std::string& text) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != 's' || !std::isfinite(seconds) || seconds < 0 || seconds > 1e9)
    return std::nullopt;
  return Millis(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::int64_t ends_at(std::int64_t now_ms, std::int64_t seconds) {
  constexpr std::int64_t longest = 366LL * 86'400;
  return now_ms + std::clamp<std::int64_t>(seconds, 0, longest) * 1000;
}

std::int64_t number_of(const Json& object, const char* key) {
  if (!object.is_object()) return 0;
  const auto it = object.find(key);
  if (it == object.end()) return 0;
  if (it->is_number_integer()) return it->get<std::int64_t>();
  constexpr double most = 9e18;
  if (it->is_number()) return std::abs(it->get<double>()) < most ? static_cast<std::int64_t>(it->get<double>()) : 0;
  if (!it->is_string()) return 0;
  std::int64_t out = 0;
  const auto& text = it->get_ref<const std::string&>();
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

bool flag_of(const Json& object, const char* key) {
  if (!object.is_object()) return false;
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

const Json& object_of(const Json& object, const char* key) {
  static const Json none = Json::object();
  if (!object.is_object()) return none;
  const auto it = object.find(key);
  return it != object.end() && it->is_object() ? *it : none;
}

const Json& list_of(const Json& object, const char* key) {
  static const Json none = Json::array();
  if (!object.is_object()) return none;
  const auto it = object.find(key);
  return it != object.end() && it->is_array() ? *it : none;
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

}  // namespace gcp
