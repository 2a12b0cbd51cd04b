// The settings of one webhook, checked as far as that needs no secret. A value; no I/O.
#pragma once

#include <map>
#include <string>

#include "understudy/status.hpp"

namespace webhook_plugin {

using understudy::sdk::Json;
using understudy::sdk::Millis;

enum class Format { json, slack, ntfy };

/// A text of the file, or the key by which the host is asked for it at each delivery.
struct Value {
  std::string text;
  std::string secret_key;
  [[nodiscard]] bool set() const noexcept { return !text.empty() || !secret_key.empty(); }
};

struct Settings {
  Format format = Format::json;
  Value url, signing_secret, bearer;
  std::string topic;
  std::map<std::string, std::string> headers;
  std::map<std::string, Value> secret_headers;
  Json tls = Json::object();  ///< ca_file, client_cert, client_key, verify_tls: as http.request/1 takes them
  Millis timeout{10'000};

  /// Throws Failure(invalid) with a sentence for the person who wrote them.
  [[nodiscard]] static Settings from(const Json& in);
};

/// A header's value may hold anything printable and tabs; a line break would begin another header.
[[nodiscard]] bool is_header_value(const std::string& text);

}  // namespace webhook_plugin
