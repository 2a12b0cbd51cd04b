#include "letter.hpp"

#include <algorithm>
#include <cstdio>

#include "body.hpp"
#include "encode.hpp"

namespace smtp_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t longest_title = 300, longest_id = 120;

// "=_" cannot occur in a quoted-printable part, whatever the alert says.
constexpr const char* boundary = "=_understudy_alternative";

/// FNV-1a: the same on every machine, since other processes must make the same thread of it.
std::string hash(const std::string& text) {
  std::uint64_t h = 14'695'981'039'346'656'037ULL;
  for (const unsigned char c : text) h = (h ^ c) * 1'099'511'628'211ULL;
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(h));
  return out;
}

/// The left side of a Message-ID: letters, digits and - stay, anything else becomes =XX, so that two texts stay two.
std::string id_part(const std::string& text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_') {
      out += static_cast<char>(c);
    } else {
      out += {'=', hex[c >> 4], hex[c & 15]};
    }
  }
  if (out.size() <= longest_id) return out.empty() ? "none" : out;
  return out.substr(0, longest_id) + "." + hash(text);
}

std::string message_id(const Settings& settings, const char* what, const std::string& text) {
  return "<understudy." + std::string(what) + "." + id_part(text) + "@" + std::string(settings.from.domain()) + ">";
}

/// All mails of an incident answer one that was never sent: mail programs show them as one thread, and no memory of
/// what came first is needed, which a crash could lose.
std::string thread_id(const Settings& settings, const Alert& a) {
  if (!a.incident.empty()) return message_id(settings, "incident", a.incident);
  return message_id(settings, "thread", a.kind + "|" + a.service + "|" + a.target);
}

/// Alerts that the core tells as one carry the first one's id. When that was perhaps delivered alone before, this is
/// not the same mail, and who drops what comes twice must not drop it.
std::string own_id(const Settings& settings, const Alert& a) {
  const auto joined = a.facts.find("joined");
  const bool many = joined != a.facts.end() && joined->is_string();
  return message_id(settings, "alert", a.id + (many ? "+" + joined->get<std::string>() : ""));
}

std::string list(const std::vector<Mailbox>& all) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ",\r\n ") + one.header();
  return out;
}

std::string subject(const Settings& settings, const Alert& a) {
  const auto line =
      settings.subject_prefix + (settings.subject_prefix.empty() ? "" : " ") + state_word(a) + ": " + a.title;
  return header_text(cut(one_line(line), longest_title));
}

std::string headers(const Settings& settings, const Alert& a, std::int64_t at_ms, const std::string& id) {
  const auto thread = thread_id(settings, a);
  std::string out =
      "Date: " + rfc5322_date(at_ms) + "\r\nFrom: " + settings.from.header() + "\r\nTo: " + list(settings.to) + "\r\n";
  if (!settings.cc.empty()) out += "Cc: " + list(settings.cc) + "\r\n";
  out += "Subject: " + subject(settings, a) + "\r\nMessage-ID: " + id + "\r\nIn-Reply-To: " + thread +
         "\r\nReferences: " + thread + "\r\n";
  // No out-of-office answers to a machine.
  out += "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n";
  // For filters.
  out += "X-Understudy-Severity: " + header_text(a.severity) + "\r\nX-Understudy-State: " + header_text(a.state) +
         "\r\nX-Understudy-Kind: " + header_text(cut(a.kind, longest_id)) + "\r\n";
  if (a.severity == "critical" && a.state != "resolved") out += "Importance: high\r\n";
  return out + "MIME-Version: 1.0\r\n";
}

std::string part(const char* type, const std::string& text) {
  return "Content-Type: " + std::string(type) +
         "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted_printable(text);
}

std::string body(const Settings& settings, const Alert& a, std::int64_t at_ms) {
  auto text = part("text/plain", text_body(a, at_ms));
  if (!settings.html) return text;
  const std::string line = "--" + std::string(boundary);
  return "Content-Type: multipart/alternative; boundary=\"" + std::string(boundary) + "\"\r\n\r\n" + line + "\r\n" +
         text + line + "\r\n" + part("text/html", html_body(a, at_ms)) + line + "--\r\n";
}

}  // namespace

Letter write_letter(const Settings& settings, const Alert& alert, std::int64_t at_ms) {
  if (alert.at_ms > 0) at_ms = alert.at_ms;
  Letter out;
  out.sender = settings.from.address;
  for (const auto* all : {&settings.to, &settings.cc}) {
    for (const auto& one : *all) {
      if (std::ranges::find(out.recipients, one.address) == out.recipients.end()) out.recipients.push_back(one.address);
    }
  }
  out.message_id = own_id(settings, alert);
  out.content = headers(settings, alert, at_ms, out.message_id) + body(settings, alert, at_ms);
  return out;
}

}  // namespace smtp_plugin
