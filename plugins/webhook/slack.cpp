// Slack's incoming webhook: `text` for the notification and old clients, `blocks` for what is seen. Limits
// (characters): 3,000 a section, 2,000 a field, 10 fields, 50 blocks.
#include <algorithm>
#include <vector>

#include "message.hpp"
#include "text.hpp"

namespace webhook_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t section_bytes = 2'900, title_bytes = 250, field_bytes = 600, most_sections = 4, most_fields = 10;

std::size_t width(char lead) {
  const auto c = static_cast<unsigned char>(lead);
  return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/// Escaped portions that fit a section each, broken at line ends where there are some; entities stay whole.
std::vector<std::string> sections(std::string_view text) {
  std::vector<std::string> out(1);
  std::size_t line_end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto point = escape_markup(text.substr(at, width(text[at])));
    if (out.back().size() + point.size() > section_bytes) {
      const auto keep = line_end > 0 ? line_end : out.back().size();
      std::string rest = out.back().substr(keep);
      out.back().resize(keep);
      out.push_back(std::move(rest));
      line_end = 0;
    }
    out.back() += point;
    if (point == "\n") line_end = out.back().size();
    at += width(text[at]);
  }
  std::erase_if(out, [](const std::string& s) { return s.find_first_not_of(" \t\r\n") == std::string::npos; });
  if (out.size() > most_sections) {
    out.resize(most_sections);
    out.back() += "…";
  }
  return out;
}

const char* emoji(const Alert& a) {
  if (a.state == "resolved") return ":white_check_mark:";
  if (a.severity == "critical") return ":rotating_light:";
  return a.severity == "warning" ? ":warning:" : ":information_source:";
}

Json mrkdwn(std::string text) { return {{"type", "mrkdwn"}, {"text", std::move(text)}, {"verbatim", true}}; }

/// Escaping makes a text longer, so it is cut before.
std::string short_and_escaped(std::string_view text, std::size_t most) {
  return escape_markup(cut(one_line(text), most));
}

Json facts_of(const Alert& a) {
  Json fields = Json::array();
  for (const auto& [name, value] : a.facts.items()) {
    if (fields.size() == most_fields) break;
    const auto text = value.is_string() ? value.get<std::string>() : value.dump();
    fields.push_back(mrkdwn("*" + short_and_escaped(name, 100) + "*\n" + short_and_escaped(text, field_bytes / 2)));
  }
  return fields;
}

/// Shown in the reader's own time zone; programs that do not know how show UTC.
std::string slack_time(std::int64_t at_ms) {
  return "<!date^" + std::to_string(at_ms / 1000) + "^{date_short_pretty} {time_secs}|" + utc(at_ms) + ">";
}

std::string footer(const Alert& a) {
  std::string out = a.severity;
  if (a.state != "event") out += " " + a.state;
  for (const auto& part : {a.service, a.target, a.kind}) {
    if (!part.empty()) out += " · " + short_and_escaped(part, 100);
  }
  if (a.at_ms > 0) out += " · " + slack_time(a.at_ms);
  if (a.possible_duplicate) out += " · possibly told before";
  return out;
}

}  // namespace

Json slack_json(const Alert& a) {
  const auto title = std::string(emoji(a)) + " " + short_and_escaped(a.title, title_bytes);
  Json blocks =
      Json::array({{{"type", "section"},
                    {"text", mrkdwn(std::string(emoji(a)) + " *" + short_and_escaped(a.title, title_bytes) + "*")}}});
  for (auto& part : sections(a.text)) blocks.push_back({{"type", "section"}, {"text", mrkdwn(std::move(part))}});
  if (Json fields = facts_of(a); !fields.empty())
    blocks.push_back({{"type", "section"}, {"fields", std::move(fields)}});
  blocks.push_back({{"type", "context"}, {"elements", Json::array({mrkdwn(footer(a))})}});
  return {{"text", title}, {"blocks", std::move(blocks)}};
}

}  // namespace webhook_plugin
