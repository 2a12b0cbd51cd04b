#include "settings.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace webhook_plugin {
namespace {

using namespace understudy::sdk;

[[noreturn]] void wrong(const std::string& message, const std::string& hint) {
  throw Failure(Status::invalid, message, hint);
}

Value value_from(const Json& in) {
  if (in.is_string()) return {in.get<std::string>(), {}};
  return {{}, in.is_object() ? in.value("$secret", "") : ""};
}

Format format_from(const std::string& word) {
  if (word == "json") return Format::json;
  if (word == "slack") return Format::slack;
  if (word == "ntfy") return Format::ntfy;
  wrong("format \"" + word + "\" is unknown", "json, slack or ntfy");
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

bool is_header_name(const std::string& name) {
  static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           marks.find(c) != std::string_view::npos;
  });
}

void check_name(const std::string& name, bool has_bearer) {
  static const std::set<std::string> ours{"content-type", "content-length",  "transfer-encoding",
                                          "host",         "idempotency-key", "x-understudy-signature"};
  if (!is_header_name(name)) wrong("\"" + name + "\" is no name of a header", "letters, digits and -");
  if (ours.contains(lower(name))) wrong("the header " + name + " is set by the plugin itself", "take it out");
  if (has_bearer && lower(name) == "authorization")
    wrong("bearer and the header " + name + " are both set", "keep one of them");
}

void read_headers(Settings& out, const Json& in) {
  out.headers = in.value("headers", std::map<std::string, std::string>());
  for (const auto& [name, text] : out.headers) {
    check_name(name, out.bearer.set());
    if (!is_header_value(text)) wrong("the header " + name + " holds a control character", "take it out");
  }
  for (const auto all = in.value("secret_headers", Json::object()); const auto& [name, value] : all.items()) {
    check_name(name, out.bearer.set());
    if (out.headers.contains(name)) wrong("the header " + name + " is set twice", "keep one of them");
    out.secret_headers[name] = value_from(value);
  }
}

}  // namespace

bool is_header_value(const std::string& text) {
  return std::ranges::none_of(text, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
}

Settings Settings::from(const Json& in) {
  Settings out;
  out.format = format_from(in.value("format", "json"));
  out.url = value_from(in.value("url", Json()));
  if (!out.url.set()) wrong("url is missing", "url = { env = \"WEBHOOK_URL\" }, or the address itself");
  out.signing_secret = value_from(in.value("signing_secret", Json()));
  out.bearer = value_from(in.value("bearer", Json()));
  out.topic = in.value("topic", "");
  if (!out.topic.empty() && out.format != Format::ntfy) wrong("topic is for format = \"ntfy\" only", "take it out");
  read_headers(out, in);
  for (const char* key : {"ca_file", "client_cert", "client_key", "verify_tls"}) {
    if (in.contains(key)) out.tls[key] = in.at(key);
  }
  out.timeout = Millis(in.value("timeout", std::int64_t{10'000}));
  return out;
}

}  // namespace webhook_plugin
