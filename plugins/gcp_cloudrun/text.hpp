// Encodings that Google's interfaces use, and careful reading of their JSON. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "understudy/status.hpp"

namespace gcp {

/// For one segment of a path or a value of a query (RFC 3986, unreserved characters kept).
[[nodiscard]] std::string escaped(std::string_view text);
using Form = std::vector<std::pair<std::string, std::string>>;
/// application/x-www-form-urlencoded.
[[nodiscard]] std::string form(const Form& fields);

[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
/// Without padding, with '-' and '_' (RFC 7515).
[[nodiscard]] std::string base64url(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

/// "2026-11-20T10:00:00.123456Z" as milliseconds since 1970; nothing when it is no such time.
[[nodiscard]] std::optional<std::int64_t> rfc3339_ms(const std::string& text);
/// "Sat, 21 Nov 2026 07:16:34 GMT", as the header Date is written.
[[nodiscard]] std::optional<std::int64_t> http_date_ms(const std::string& text);
/// "12.5s", as google.protobuf.Duration is written.
[[nodiscard]] std::optional<understudy::sdk::Millis> duration_of(const std::string& text);

/// A field that is missing or of another type is empty.
[[nodiscard]] std::string text_of(const understudy::sdk::Json& object, const char* key);
/// int64 comes as a string or as a number; missing is 0 (proto3 leaves zeros out).
[[nodiscard]] std::int64_t number_of(const understudy::sdk::Json& object, const char* key);
/// Milliseconds since the epoch, so many seconds after `now_ms`, but not longer than any token lives.
[[nodiscard]] std::int64_t ends_at(std::int64_t now_ms, std::int64_t seconds);
[[nodiscard]] bool flag_of(const understudy::sdk::Json& object, const char* key);
/// The object below `key`, or an empty one.
[[nodiscard]] const understudy::sdk::Json& object_of(const understudy::sdk::Json& object, const char* key);
/// The array below `key`, or an empty one.
[[nodiscard]] const understudy::sdk::Json& list_of(const understudy::sdk::Json& object, const char* key);

[[nodiscard]] bool is_utf8(const std::string& text);

}  // namespace gcp
