// SPDX-License-Identifier: Apache-2.0
// Status, Error and Result: how a call across the plugin boundary ends. Values; no threads, no I/O.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "understudy/abi.h"
#include "understudy/json.hpp"

namespace understudy::sdk {

using Json = nlohmann::json;
using Millis = std::chrono::milliseconds;

/// The us_status values of abi.h. Everything but `unknown` promises that a failed call had no effect.
enum class Status : std::int32_t {
  ok = US_OK,
  unsupported = US_UNSUPPORTED,
  invalid = US_INVALID,
  denied = US_DENIED,
  conflict = US_CONFLICT,
  transient = US_TRANSIENT,
  cancelled = US_CANCELLED,
  unknown = US_UNKNOWN,
};

[[nodiscard]] constexpr std::string_view name_of(Status status) noexcept {
  switch (status) {
    case Status::ok: return "ok";
    case Status::unsupported: return "unsupported";
    case Status::invalid: return "invalid";
    case Status::denied: return "denied";
    case Status::conflict: return "conflict";
    case Status::transient: return "transient";
    case Status::cancelled: return "cancelled";
    case Status::unknown: break;
  }
  return "unknown";
}

/// Any integer that came over the wire; a value that this version does not know is `unknown`, the careful answer.
[[nodiscard]] constexpr Status status_from(std::int32_t raw) noexcept {
  return raw >= US_OK && raw <= US_UNKNOWN ? static_cast<Status>(raw) : Status::unknown;
}

/// Why a call failed, for the person who must act.
struct Error {
  Status status = Status::unknown;
  std::string message;                  ///< what failed, in one sentence
  std::string hint;                     ///< what to do about it; may be empty
  std::string kind;                     ///< a stable word for programs ("refused", "timeout"); may be empty
  std::optional<Millis> retry_after{};  ///< how long the provider asked us to wait

  /// Of http.request/1 and tcp.connect/1: no connection came about, so nothing was heard, and asking again is safe.
  [[nodiscard]] bool never_arrived() const noexcept {
    return kind == "resolve" || kind == "refused" || kind == "unreachable" || kind == "no_host" || kind == "tls";
  }

  [[nodiscard]] Json to_json() const {
    Json out = {{"message", message}};
    if (!hint.empty()) out["hint"] = hint;
    if (!kind.empty()) out["kind"] = kind;
    if (retry_after) out["retry_after_ms"] = retry_after->count();
    return out;
  }

  /// Of whatever came with a failure: what has another type counts as missing. A wait is at most a day.
  [[nodiscard]] static Error from_json(Status status, const Json& body) {
    Error out;
    out.status = status;
    const auto text = [&](const char* key) {
      const auto it = body.find(key);
      return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
    };
    if (body.is_object()) {
      out.message = text("message");
      out.hint = text("hint");
      out.kind = text("kind");
      if (const auto it = body.find("retry_after_ms"); it != body.end() && it->is_number_integer()) {
        constexpr std::int64_t day = 86'400'000;
        const auto asked = it->is_number_unsigned() ? std::min<std::uint64_t>(it->get<std::uint64_t>(), day) : 0;
        out.retry_after = Millis(static_cast<std::int64_t>(asked));
      }
    }
    if (out.message.empty()) out.message = std::string(name_of(status));
    return out;
  }
};

/// An Error as an exception: what an author may throw, from any handler or worker task.
class Failure : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)) {}
  Failure(Status status, std::string message, std::string hint = {})
      : error_{status, std::move(message), std::move(hint), {}, {}} {}
  [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

/// The answer to one call: `value` when ok(), else `error`.
struct Result {
  Json value;
  Error error{Status::ok, {}, {}, {}, {}};

  [[nodiscard]] bool ok() const noexcept { return error.status == Status::ok; }
  /// The value, or throws Failure.
  [[nodiscard]] const Json& get() const {
    if (!ok()) throw Failure(error);
    return value;
  }
};

}  // namespace understudy::sdk
