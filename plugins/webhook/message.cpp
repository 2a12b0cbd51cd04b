#include "message.hpp"

#include <algorithm>

#include "text.hpp"
#include "understudy/host.hpp"

namespace webhook_plugin {
namespace {

using namespace understudy::sdk;

/// ntfy takes JSON at the server's root only: "https://ntfy.sh/alerts?auth=x" is the topic "alerts" of
/// "https://ntfy.sh/?auth=x".
std::string take_topic(std::string& url) {
  const auto path = url.find('/', url.find("://") + 3);
  const auto query = std::min(url.find_first_of("?#"), url.size());
  if (path == std::string::npos || path > query) return {};
  auto end = query;
  while (end > path && url[end - 1] == '/') --end;
  if (end <= path) return {};
  const auto begin = url.rfind('/', end - 1) + 1;
  const std::string topic = url.substr(begin, end - begin);
  url = url.substr(0, begin) + url.substr(query);
  return topic;
}

}  // namespace

std::string told_id(const Alert& alert) {
  const auto joined = alert.facts.find("joined");
  const bool many = joined != alert.facts.end() && joined->is_string();
  return alert.id + (many ? "+" + joined->get<std::string>() : "");
}

Json own_json(const Alert& a) {
  return {{"version", 1},
          {"id", told_id(a)},
          {"kind", a.kind},
          {"severity", a.severity},
          {"state", a.state},
          {"service", a.service},
          {"target", a.target},
          {"title", a.title},
          {"text", a.text},
          {"at_ms", a.at_ms},
          {"at", utc(a.at_ms)},
          {"incident", a.incident},
          {"possible_duplicate", a.possible_duplicate},
          {"facts", a.facts}};
}

Message compose(const Settings& settings, const std::string& url, const Alert& alert) {
  if (url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0)
    throw Failure(Status::invalid, "the webhook's url begins with neither http:// nor https://",
                  "correct url, or the variable or file that holds it");
  Message out{url, {}};
  switch (settings.format) {
    case Format::json: out.body = detail::dump(own_json(alert)); break;
    case Format::slack: out.body = detail::dump(slack_json(alert)); break;
    case Format::ntfy: {
      const auto topic = settings.topic.empty() ? take_topic(out.url) : settings.topic;
      if (topic.empty())
        throw Failure(Status::invalid, "ntfy needs a topic, and neither topic nor the url's path names one",
                      "topic = \"alerts\", or url = \"https://ntfy.sh/alerts\"");
      out.body = detail::dump(ntfy_json(alert, topic));
    }
  }
  return out;
}

}  // namespace webhook_plugin
