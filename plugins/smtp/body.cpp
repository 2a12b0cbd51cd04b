#include "body.hpp"

#include <utility>
#include <vector>

#include "encode.hpp"

namespace smtp_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t longest_text = 100'000, longest_fact = 1'000, most_facts = 50;

constexpr const char* duplicate = "This may have been told before: a crash hid whether it was sent.";

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows rows_of(const Alert& a, std::int64_t at_ms) {
  Rows out;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.emplace_back(name, cut(one_line(value), longest_fact));
  };
  add("Severity", a.severity);
  if (a.state != "event") add("State", a.state);
  add("Service", a.service);
  add("Target", a.target);
  add("Kind", a.kind);
  add("Time", utc(at_ms));
  add("Incident", a.incident);
  std::size_t facts = 0;
  for (const auto& [name, value] : a.facts.items()) {
    if (++facts > most_facts) break;
    const auto text = value.is_string() ? value.get<std::string>() : value.dump();
    out.emplace_back(cut(one_line(name), longest_fact), cut(one_line(text), longest_fact));
  }
  add("Alert", a.id);
  return out;
}

const char* colour(const Alert& a) {
  if (a.state == "resolved") return "#1a7f37";
  if (a.severity == "critical") return "#b42318";
  return a.severity == "warning" ? "#9a6700" : "#0969da";
}

}  // namespace

std::string state_word(const Alert& a) { return a.state == "resolved" ? "resolved" : one_line(a.severity); }

std::string text_body(const Alert& a, std::int64_t at_ms) {
  std::string out = one_line(a.title) + "\n\n";
  if (!a.text.empty()) out += cut(a.text, longest_text) + "\n\n";
  for (const auto& [name, value] : rows_of(a, at_ms)) out += name + ": " + value + "\n";
  if (a.possible_duplicate) out += std::string("\n") + duplicate + "\n";
  return out;
}

std::string html_body(const Alert& a, std::int64_t at_ms) {
  std::string out =
      "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head>\n"
      "<body style=\"font-family: sans-serif; color: #1f2328\">\n";
  out += std::string("<h2 style=\"margin: 0; padding-left: 10px; border-left: 6px solid ") + colour(a) + "\">" +
         html(one_line(a.title)) + "</h2>\n";
  if (!a.text.empty()) out += "<p style=\"white-space: pre-wrap\">" + html(cut(a.text, longest_text)) + "</p>\n";
  out += "<table style=\"border-spacing: 0 2px\">\n";
  for (const auto& [name, value] : rows_of(a, at_ms))
    out += "<tr><td style=\"color: #59636e; padding-right: 16px\">" + html(name) + "</td><td>" + html(value) +
           "</td></tr>\n";
  out += "</table>\n";
  if (a.possible_duplicate) out += std::string("<p><i>") + duplicate + "</i></p>\n";
  return out + "</body></html>\n";
}

}  // namespace smtp_plugin
