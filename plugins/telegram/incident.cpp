#include "incident.hpp"

#include <algorithm>
#include <cctype>
#include <ctime>

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;
using Style = Piece::Style;

// Of a message; an edit that fills the largest would leave no room for the next line. Each part is bounded so that the
// head and the newest line always fit.
constexpr std::size_t comfortable = 3'500;
constexpr std::size_t most_text = 1'200, most_title = 200, most_entry_text = 160;
constexpr std::size_t most_facts = 5, most_fact = 200, most_fact_name = 40;
constexpr std::size_t most_entries = 40, first_entries = 3;
constexpr std::size_t largest_thread = 14'000;  // bytes of entries; the core keeps 16 KiB

const char* mark(const std::string& severity, const std::string& state) {
  if (state == "resolved") return "✅";
  return severity == "critical" ? "🔴" : severity == "warning" ? "🟠" : "ℹ️";
}

std::tm parts_of(std::int64_t at_ms, bool utc) {
  const auto seconds = static_cast<std::time_t>(at_ms / 1'000);
  std::tm out{};
  if (utc) {
    ::gmtime_r(&seconds, &out);
  } else {
    ::localtime_r(&seconds, &out);
  }
  return out;
}

/// "12:01:07"
std::string clock_text(std::int64_t at_ms, bool utc) {
  const auto parts = parts_of(at_ms, utc);
  char out[16];
  return {out, std::strftime(out, sizeof out, "%H:%M:%S", &parts)};
}

/// "2026-11-21 UTC"
std::string day_text(std::int64_t at_ms, bool utc) {
  const auto parts = parts_of(at_ms, utc);
  char out[48];
  return {out, std::strftime(out, sizeof out, "%Y-%m-%d %Z", &parts)};
}

std::string fact(const Alert& alert, const std::string& name) {
  const auto it = alert.facts.find(name);
  if (it == alert.facts.end() || it->is_null()) return {};
  return it->is_string() ? it->get<std::string>() : it->dump();
}

void append(Lines& to, const Lines& more) { to.insert(to.end(), more.begin(), more.end()); }

/// Headline, what happened, and the facts that people want.
Lines head_of(const Alert& alert, const Settings& settings) {
  Lines out{{{std::string(mark(alert.severity, alert.state)) + " "}, {one_line(alert.title, most_title), Style::bold}}};
  if (!alert.text.empty()) append(out, lines_of(cut(alert.text, most_text)));
  for (std::size_t i = 0; i < std::min(most_facts, settings.facts.size()); ++i) {
    const auto& name = settings.facts[i];
    const auto value = fact(alert, name);
    if (!value.empty())
      out.push_back({{one_line(name, most_fact_name) + ": ", Style::italic}, {one_line(value, most_fact)}});
  }
  if (const auto held = fact(alert, "suppressed"); !held.empty() && held != "0")
    out.push_back({{held + " more like this were held back", Style::italic}});
  return out;
}

Line line_of(const Entry& e, bool utc) {
  const auto text = e.text.empty() ? std::string() : ": " + one_line(e.text, most_entry_text);
  return {{clock_text(e.at_ms, utc), Style::code},
          {std::string(" ") + mark(e.severity, e.state) + " " + one_line(e.title, most_title) + text}};
}

std::size_t cost(const Line& line) { return units(html(Lines{line})) + 1; }

/// The newest line, the first lines, and as many of the newer ones as fit between.
Lines timeline(const std::vector<Entry>& entries, int dropped, bool utc, std::size_t room) {
  Lines head, tail;
  std::size_t first = 0, next = entries.size();
  const auto take = [&](std::size_t which, Lines& to, bool always) {
    auto line = line_of(entries[which], utc);
    if (cost(line) > room && !always) return false;
    room -= std::min(room, cost(line));
    to.push_back(std::move(line));
    return true;
  };
  if (next > 0 && take(next - 1, tail, true)) --next;
  while (first < std::min(first_entries, next) && take(first, head, false)) ++first;
  while (next > first && take(next - 1, tail, false)) --next;
  const auto left_out = static_cast<std::size_t>(dropped) + (next - first);
  if (left_out > 0) head.push_back({{"+" + std::to_string(left_out) + " more", Style::italic}});
  head.insert(head.end(), tail.rbegin(), tail.rend());
  return head;
}

std::size_t bytes_of(const std::vector<Entry>& entries) {
  constexpr std::size_t frame = 120;  // the keys, the time
  std::size_t out = 0;
  for (const auto& e : entries) out += frame + e.alert.size() + e.title.size() + e.text.size();
  return out;
}

std::string text_at(const Json& in, const char* key) {
  const auto it = in.find(key);
  return it != in.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::int64_t number_at(const Json& in, const char* key) {
  const auto it = in.find(key);
  return it != in.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
}

/// "acknowledge, promote", or the same as a JSON list.
std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : list + ",") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, {}));
    }
  }
  return out;
}

}  // namespace

Incident Incident::from(const Json& thread, const Settings& settings) {
  Incident out;
  if (!thread.is_object()) return out;
  const auto chat = thread.find("chat");
  const auto id = number_at(thread, "message");
  if (chat != thread.end() && id != 0 && text_at(thread, "for") == name_of(settings.chat))
    out.message = Posted{*chat, id};
  out.dropped = static_cast<int>(number_at(thread, "dropped"));
  for (const auto& action : thread.value("actions", Json::array())) {
    if (action.is_string()) out.actions.push_back(action.get<std::string>());
  }
  for (const auto& e : thread.value("entries", Json::array())) {
    if (!e.is_object()) continue;
    out.entries.push_back({text_at(e, "alert"), number_at(e, "at_ms"), text_at(e, "severity"), text_at(e, "state"),
                           text_at(e, "title"), text_at(e, "text")});
  }
  return out;
}

Json Incident::to_json(const Settings& settings) const {
  Json list = Json::array();
  for (const auto& e : entries) {
    list.push_back({{"alert", e.alert},
                    {"at_ms", e.at_ms},
                    {"severity", e.severity},
                    {"state", e.state},
                    {"title", e.title},
                    {"text", e.text}});
  }
  Json out = {
      {"for", name_of(settings.chat)}, {"entries", std::move(list)}, {"dropped", dropped}, {"actions", actions}};
  if (message) {
    out["chat"] = message->chat;
    out["message"] = message->id;
  }
  return out;
}

void Incident::add(const Alert& alert) {
  const auto id = told_id(alert);
  const bool known = std::ranges::any_of(entries, [&](const Entry& e) { return e.alert == id; });
  if (known && !id.empty()) return;
  entries.push_back({id, alert.at_ms, alert.severity, alert.state, one_line(alert.title, most_title),
                     one_line(alert.text, most_entry_text)});
  while (entries.size() > first_entries + 1 && (entries.size() > most_entries || bytes_of(entries) > largest_thread)) {
    entries.erase(entries.begin() + first_entries);
    ++dropped;
  }
}

std::string told_id(const Alert& alert) {
  const auto joined = fact(alert, "joined");
  return joined.empty() ? alert.id : alert.id + "+" + joined;
}

Lines Incident::render(const Alert& latest, const Settings& settings) const {
  Lines out = head_of(latest, settings);
  const auto began = entries.empty() ? latest.at_ms : entries.front().at_ms;
  out.push_back({});
  out.push_back({{"Timeline", Style::bold}, {", " + day_text(began, settings.utc)}});
  const auto used = units(html(out)) + 1;
  append(out, timeline(entries, dropped, settings.utc, comfortable - std::min(comfortable, used)));
  return out;
}

Lines render_alone(const Alert& alert, const Settings& settings) {
  Lines out{{{std::string(mark(alert.severity, alert.state)) + " "}, {one_line(alert.title, most_title), Style::bold}}};
  if (!alert.text.empty()) append(out, lines_of(alert.text));
  Alert short_one = alert;
  short_one.text.clear();
  const auto head = head_of(short_one, settings);
  out.insert(out.end(), head.begin() + 1, head.end());
  out.push_back({{clock_text(alert.at_ms, settings.utc) + ", " + day_text(alert.at_ms, settings.utc), Style::code}});
  if (alert.possible_duplicate) out.push_back({{"possibly told before", Style::italic}});
  return out;
}

Lines render_reply(const Alert& alert) {
  Lines out{{{std::string(mark(alert.severity, alert.state)) + " "}, {one_line(alert.title, most_title), Style::bold}}};
  if (!alert.text.empty()) out.push_back({{one_line(alert.text, most_fact)}});
  return out;
}

bool deserves_reply(const Alert& alert, const Settings& settings) {
  if (settings.replies == Settings::Replies::all || alert.state == "resolved") return true;
  if (settings.replies == Settings::Replies::resolved) return false;
  // A failover that is done comes with the end of the outage, which has a reply of its own.
  const bool arrived = alert.kind.ends_with(".done") && alert.kind != "failover.done";
  return arrived || (alert.state == "firing" && alert.severity == "critical");
}

std::vector<std::string> actions_for(const Alert& alert, const std::vector<std::string>& before) {
  if (alert.facts.contains("actions")) {
    return words(fact(alert, "actions"));
  }
  if (alert.state == "resolved") return {};
  if (alert.state == "firing") return {"acknowledge", "promote"};
  if (alert.kind == "failback.done") return {};
  if (alert.kind.ends_with(".done")) return {"failback"};
  if (alert.kind.ends_with(".started")) return {"acknowledge"};
  return before;
}

}  // namespace telegram_plugin
