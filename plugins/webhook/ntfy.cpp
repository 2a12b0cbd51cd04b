// ntfy's JSON form: topic, title, message, priority 1 to 5, tags (some become emoji). A server takes messages of 4,096
// bytes; longer ones would become attachments.
#include "message.hpp"
#include "text.hpp"

namespace webhook_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t message_bytes = 3'900, title_bytes = 250;

/// What fires and is critical breaks through "do not disturb"; that it ended need not.
int priority(const Alert& a) {
  if (a.state == "resolved") return 3;
  if (a.severity == "critical") return 5;
  return a.severity == "warning" ? 4 : 3;
}

Json tags(const Alert& a) {
  Json out = Json::array();
  out.push_back(a.state == "resolved"      ? "white_check_mark"
                : a.severity == "critical" ? "rotating_light"
                : a.severity == "warning"  ? "warning"
                                           : "information_source");
  for (const auto& part : {a.service, a.target, a.kind}) {
    if (!part.empty()) out.push_back(cut(one_line(part), 100));
  }
  return out;
}

}  // namespace

Json ntfy_json(const Alert& a, const std::string& topic) {
  std::string text = a.text;
  if (a.possible_duplicate) text += text.empty() ? "(possibly told before)" : "\n(possibly told before)";
  if (text.empty()) text = a.title;  // an empty message would be shown as "triggered"
  return {{"topic", topic},
          {"title", cut(one_line(a.title), title_bytes)},
          {"message", cut(text, message_bytes)},
          {"priority", priority(a)},
          {"tags", tags(a)}};
}

}  // namespace webhook_plugin
