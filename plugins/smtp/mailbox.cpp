#include "mailbox.hpp"

#include <algorithm>

#include "encode.hpp"
#include "understudy/status.hpp"

namespace smtp_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t longest_local = 64, longest_domain = 255;

bool alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_local(std::string_view text) {
  static constexpr std::string_view marks = "!#$%&'*+-/=?^_`{|}~.";
  return !text.empty() && text.size() <= longest_local && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return alphanumeric(c) || marks.find(c) != std::string_view::npos; });
}

bool is_domain(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
    return std::ranges::all_of(text, [](char c) { return alphanumeric(c) || c == ':' || c == '.'; });
  }
  return !text.empty() && text.size() <= longest_domain && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Of "Ops, Ann" what is between the quotes.
std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

/// A phrase of RFC 5322: as it is, quoted, or encoded.
std::string phrase(const std::string& name) {
  if (!is_plain(name)) return encoded_words(name);
  if (std::ranges::all_of(name, [](char c) { return alphanumeric(c) || c == ' ' || c == '-'; })) return name;
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string_view Mailbox::domain() const { return std::string_view(address).substr(address.rfind('@') + 1); }

std::string Mailbox::header() const {
  if (name.empty()) return address;
  const auto shown = phrase(name);
  return shown + (shown.size() + address.size() > 60 ? "\r\n <" : " <") + address + ">";
}

Mailbox Mailbox::parse(std::string_view text, const char* setting) {
  Mailbox out;
  auto address = trimmed(text);
  if (const auto open = address.rfind('<'); open != std::string_view::npos && address.back() == '>') {
    out.name = one_line(unquoted(trimmed(address.substr(0, open))));
    address = address.substr(open + 1, address.size() - open - 2);
  }
  out.address = std::string(address);
  const auto at = address.rfind('@');
  if (one_line(text) != text || at == std::string_view::npos || !is_local(address.substr(0, at)) ||
      !is_domain(address.substr(at + 1))) {
    throw Failure(
        Status::invalid, std::string(setting) + ": \"" + one_line(text) + "\" is no mail address",
        "write ann@example.org or \"Ann Ops <ann@example.org>\"; a domain with other letters in its xn-- form");
  }
  return out;
}

}  // namespace smtp_plugin
