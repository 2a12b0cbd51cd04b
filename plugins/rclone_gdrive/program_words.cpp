#include "program_words.hpp"

#include <algorithm>
#include <cmath>

#include "diagnosis.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;

constexpr std::size_t kept_lines = 60;

std::string in_one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!space) out += c;
    if (space && !out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string text_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// rclone counts in floats where it divides.
std::int64_t number_of(const Json& object, const char* key) {
  constexpr double most = 9e18;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number()) return 0;
  const auto number = it->get<double>();
  return std::isfinite(number) ? static_cast<std::int64_t>(std::clamp(number, -most, most)) : 0;
}

Json progress_of(const Json& stats) {
  Json out = {{"done", number_of(stats, "bytes")},
              {"total", number_of(stats, "totalBytes")},
              {"unit", "bytes"},
              {"files", number_of(stats, "transfers")},
              {"files_total", number_of(stats, "totalTransfers")},
              {"bytes_per_s", number_of(stats, "speed")}};
  if (const auto eta = stats.find("eta"); eta != stats.end() && eta->is_number())
    out["eta_s"] = number_of(stats, "eta");
  return out;
}

}  // namespace

std::optional<Json> ProgramWords::line(const std::string& text) {
  const Json entry = parse_json(text);
  if (!entry.is_object()) {  // "Failed to ..." is no JSON
    plain(text);
    return std::nullopt;
  }
  if (const auto stats = entry.find("stats"); stats != entry.end() && stats->is_object()) return progress_of(*stats);
  const auto level = text_of(entry, "level");
  if (level != "error" && level != "critical" && level != "fatal") return std::nullopt;
  const auto object = text_of(entry, "object");
  keep((object.empty() ? "" : object + ": ") + text_of(entry, "msg"));
  return std::nullopt;
}

/// A cause may go on over several lines, the further ones indented.
void ProgramWords::plain(const std::string& text) {
  const auto at = text.find_first_not_of(" \t\r\n");
  if (at == std::string::npos) return;
  if (at == 0 || lines_.empty()) return keep(text);
  const std::string whole = lines_.back() + text;
  lines_.pop_back();
  keep(whole);
}

void ProgramWords::keep(const std::string& said) {
  std::string text = in_one_line(said);
  // "2026/11/20 20:54:29 Failed to ...": the time is noise in an error.
  if (text.size() > 20 && text[4] == '/' && text[7] == '/' && text[13] == ':') text.erase(0, 20);
  if (text.empty()) return;
  lines_.push_back(without_secrets(std::move(text), secrets_));
  if (lines_.size() > kept_lines) lines_.erase(lines_.begin() + 1);  // the first often names the cause
}

std::vector<Listed> parse_listing(const std::string& text) {
  const Failure unreadable(Status::transient, "rclone's listing cannot be read");
  const Json in = parse_json(text);
  if (!in.is_array()) throw unreadable;
  std::vector<Listed> out;
  for (const auto& item : in) {
    if (!item.is_object()) throw unreadable;
    Listed one{text_of(item, "Path"), text_of(item, "Name"), false, -1, {}};
    if (one.path.empty() || one.name.empty()) throw unreadable;
    if (const auto it = item.find("IsDir"); it != item.end() && it->is_boolean()) one.folder = it->get<bool>();
    if (const auto it = item.find("Size"); it != item.end() && it->is_number_integer())
      one.size = it->get<std::int64_t>();
    if (const auto it = item.find("Hashes"); it != item.end() && it->is_object()) {
      for (const auto& [kind, hash] : it->items()) {
        if (hash.is_string()) one.hashes[kind] = hash.get<std::string>();
      }
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace rclone_store
