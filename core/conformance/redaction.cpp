#include "core/conformance/redaction.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/conformance/cassette.hpp"

namespace understudy::conformance {
namespace {

using sdk::Json;

/// Shorter ones would stand in half of all words.
constexpr std::size_t shortest_credential = 6;

constexpr std::array secret_fields = {"access_token",  "refresh_token", "id_token",      "accessToken", "token",
                                      "client_secret", "assertion",     "subject_token", "password"};

bool is_secret_field(const std::string& name) { return std::ranges::find(secret_fields, name) != secret_fields.end(); }

/// A plugin may send anything.
std::string text_of(const Json& in, const char* key) {
  const auto it = in.is_object() ? in.find(key) : in.end();
  return it != in.end() && it->is_string() ? it->get<std::string>() : std::string();
}
Json object_of(const Json& in, const char* key) {
  const auto it = in.is_object() ? in.find(key) : in.end();
  return it != in.end() && it->is_object() ? *it : Json::object();
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// As in a URL or a form.
std::string percent_encoded(const std::string& text, const char* hex) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || std::string_view("-._~").find(static_cast<char>(c)) != std::string_view::npos) {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += hex[c >> 4U];
      out += hex[c & 15U];
    }
  }
  return out;
}

/// As within a JSON text that is itself a string.
std::string json_escaped(const std::string& text) {
  const auto quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

/// What follows the host of a URL; empty for other texts.
std::string path_of(const std::string& url) {
  const auto scheme = url.find("://");
  const auto slash = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
  return slash == std::string::npos ? std::string() : url.substr(slash);
}

/// The values of a form's secret fields, still encoded.
void each_form_field(const std::string& body, const std::function<void(const std::string&, const std::string&)>& tell) {
  for (std::size_t at = 0; at < body.size();) {
    const auto end = std::min(body.find('&', at), body.size());
    const auto field = body.substr(at, end - at);
    if (const auto equals = field.find('='); equals != std::string::npos)
      tell(field.substr(0, equals), field.substr(equals + 1));
    at = end + 1;
  }
}

}  // namespace

void Redaction::add(const std::string& secret, const std::string& stand_in) {
  if (secret.empty()) return;
  for (const auto& form : {secret, percent_encoded(secret, "0123456789ABCDEF"),
                           percent_encoded(secret, "0123456789abcdef"), json_escaped(secret)})
    stand_ins_.emplace(form, stand_in);
  // Of an address that is a secret, the path is what a server may repeat.
  if (const auto path = path_of(secret); path.size() >= shortest_credential)
    add(path, path_of(stand_in).empty() ? stand_in : path_of(stand_in));
}

void Redaction::found(const std::string& credential, const std::string& name) {
  if (credential.size() >= shortest_credential) add(credential, placeholder(name));
}

void Redaction::look_at_request(const Json& params) {
  found(text_of(params, "bearer"), "bearer");
  found(text_of(object_of(params, "basic"), "password"), "password");
  for (const auto all = object_of(params, "headers"); const auto& [name, value] : all.items()) {
    const auto known = lower(name);
    if (!value.is_string() || (known != "authorization" && known != "proxy-authorization")) continue;
    const auto text = value.get<std::string>();
    const auto space = text.find(' ');
    found(space == std::string::npos ? text : text.substr(space + 1), known);
  }
  each_form_field(text_of(params, "body"), [this](const std::string& name, const std::string& value) {
    if (is_secret_field(name)) found(value, name);
  });
}

void Redaction::look_at_answer(const Json& result) {
  const auto body = sdk::parse_json(text_of(result, "body"));
  if (!body.is_object()) return;
  for (const auto& [name, value] : body.items()) {
    if (value.is_string() && is_secret_field(name)) found(value.get<std::string>(), name);
  }
}

Json Redaction::cleaned(const Json& value) const {
  Json out = value;
  for (const auto& [secret, stand_in] : stand_ins_) out = replaced(out, secret, stand_in);
  return out;
}

}  // namespace understudy::conformance
