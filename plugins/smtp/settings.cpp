#include "settings.hpp"

#include <algorithm>

#include "encode.hpp"

namespace smtp_plugin {
namespace {

using namespace understudy::sdk;

[[noreturn]] void wrong(const std::string& message, const std::string& hint) {
  throw Failure(Status::invalid, message, hint);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// A name or an address of version 4; nothing that a URL would give another meaning.
bool is_name(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  });
}

bool is_address_6(const std::string& text) {
  return std::ranges::count(text, ':') > 1 &&
         std::ranges::all_of(text, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

bool is_host(const std::string& text) { return is_name(text) || is_address_6(text); }

bool is_here(const std::string& host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

Security security_from(const std::string& word) {
  if (word == "starttls") return Security::starttls;
  if (word == "tls") return Security::tls;
  if (word == "none") return Security::none;
  wrong("security \"" + word + "\" is unknown", "starttls, tls or none");
}

int usual_port(Security security) {
  return security == Security::starttls ? 587 : security == Security::tls ? 465 : 25;
}

std::vector<Mailbox> mailboxes(const Json& in, const char* setting) {
  std::vector<Mailbox> out;
  for (const auto& one : in.value(setting, std::vector<std::string>())) out.push_back(Mailbox::parse(one, setting));
  return out;
}

void read_login(Settings& out, const Json& in) {
  out.user = in.value("user", "");
  const Json password = in.value("password", Json());
  out.password_key = password.is_object() ? password.value("$secret", "") : "";
  if (out.user.empty() != out.password_key.empty()) {
    wrong(
        out.user.empty() ? "password is set and user is not" : "user is set and password is not",
        "password = { env = \"SMTP_PASSWORD\" } and user belong together; a server that wants no login needs neither");
  }
  if (one_line(out.user) != out.user) wrong("user holds a control character", "take it out");
  if (!out.user.empty() && out.security == Security::none && !is_here(out.host))
    wrong("the password would cross the network in clear text", "security = \"starttls\" or \"tls\"");
}

void read_server(Settings& out, const Json& in) {
  out.host = in.value("host", "");
  if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']')
    out.host = out.host.substr(1, out.host.size() - 2);
  if (!is_host(out.host))
    wrong("host \"" + one_line(out.host) + "\" is no name of a mail server",
          "mail.example.org; a port is a setting of its own");
  out.security = security_from(in.value("security", "starttls"));
  out.port = in.value("port", usual_port(out.security));
  if (out.port < 1 || out.port > 65'535) wrong("port is no port", "587, 465 or 25");
  out.helo = in.value("helo", "");
  if (!out.helo.empty() && !is_name(out.helo)) wrong("helo is no name of a host", "the full name of this machine");
  out.verify_tls = in.value("verify_tls", true);
  out.ca_file = in.value("ca_file", "");
  out.timeout = Millis(in.value("timeout", std::int64_t{25'000}));
}

}  // namespace

Settings Settings::from_json(const Json& in) {
  Settings out;
  read_server(out, in);
  read_login(out, in);
  out.from = Mailbox::parse(in.value("from", ""), "from");
  out.to = mailboxes(in, "to");
  out.cc = mailboxes(in, "cc");
  if (out.to.empty()) wrong("to names nobody", "to = [\"ops@example.org\"]");
  out.subject_prefix = one_line(in.value("subject_prefix", "[Understudy]"));
  out.html = in.value("html", true);
  return out;
}

std::string Settings::place() const {
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Settings::url() const {
  return (security == Security::tls ? "smtps://" : "smtp://") + place() + (helo.empty() ? "" : "/" + helo);
}

}  // namespace smtp_plugin
