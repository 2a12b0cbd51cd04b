// understudy alert list, ack, silence, unsilence, test.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/config/units.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;

struct AlertOptions {
  std::string service, target, kind, for_time = "1h", reason, id, severity = "info";
};

void list(Context& cx) {
  const auto reply = cx.ask("GET", "/v1/alerts");
  if (!reply) return;
  if (cx.json) return print(reply->dump(2) + "\n");
  for (const auto& a : reply->at("open")) {
    const auto by = a.value("acknowledged", "");
    print(fmt::format(
        "{} {} since {}: {}{}{}\n", coloured(a.value("severity", ""), a.value("severity", "") == "critical" ? 31 : 33),
        a.value("kind", ""), clock_time(a.value("since_ms", std::int64_t{0})), a.value("title", ""),
        by.empty() ? "" : " (acknowledged by " + by + ")", a.value("silenced", false) ? " (silenced)" : ""));
  }
  if (reply->at("open").empty()) print("nothing is open\n");
  for (const auto& s : reply->at("silences")) {
    const auto any = [&](const char* key) { return s.value(key, "").empty() ? std::string("any") : s.value(key, ""); };
    print(fmt::format("silence {}: service {}, target {}, kind {}, until {}, by {}: {}\n", s.value("id", ""),
                      any("service"), any("target"), any("kind"), clock_time(s.value("until_ms", std::int64_t{0})),
                      s.value("who", ""), s.value("reason", "")));
  }
}

/// Asks, and prints the answer's sentence.
void say(Context& cx, const std::string& path, Json body) {
  body["who"] = user_at_host();
  const auto reply = cx.ask("POST", path, body);
  if (reply) print(cx.json ? reply->dump(2) + "\n" : reply->value("message", "done") + "\n");
}

void silence(Context& cx, const AlertOptions& o) {
  const auto time = config::parse_duration(o.for_time);
  if (!time || time->count() <= 0)
    return cx.fail(wrong_use, "--for \"" + o.for_time + "\" is no duration", "write it as 30m, 2h or 3d");
  if (o.service.empty() && o.target.empty() && o.kind.empty())
    return cx.fail(wrong_use, "that would silence everything",
                   "name a --service, a --target or a --kind; --kind \"*\" for all");
  say(cx, "/v1/alerts/silences",
      {{"service", o.service},
       {"target", o.target},
       {"kind", o.kind},
       {"for_ms", time->count()},
       {"reason", o.reason}});
}

void test(Context& cx, const AlertOptions& o) {
  const auto reply =
      cx.ask("POST", "/v1/alerts/test", {{"severity", o.severity}, {"service", o.service}, {"kind", o.kind}},
             std::chrono::seconds(60));
  if (!reply) return;
  const Json deliveries = reply->at("deliveries");
  for (const auto& d : deliveries) {
    if (!d.at("ok").get<bool>()) cx.exit_code = failed;
    if (cx.json) continue;
    const auto error = d.value("error", Json::object());
    print(d.at("ok").get<bool>()
              ? fmt::format("{}: {}\n", d.value("notifier", ""), coloured("delivered", 32))
              : fmt::format("{}: {}\n{}", d.value("notifier", ""), coloured(error.value("message", ""), 31),
                            error.value("hint", "").empty() ? "" : "    = " + error.value("hint", "") + "\n"));
  }
  if (cx.json) return print(reply->dump(2) + "\n");
  if (deliveries.empty()) cx.fail(failed, "no route leads such an alert anywhere at this hour");
}

}  // namespace

void add_alert(CLI::App& app, Context& cx) {
  auto* family = app.add_subcommand("alert", "Alerts: what is open, acknowledging, silences, a test");
  family->require_subcommand(1);
  auto o = std::make_shared<AlertOptions>();
  const auto command = [&](const char* name, const char* help) {
    auto* out = family->add_subcommand(name, help);
    out->add_flag("--json", cx.json, "machine-readable");
    return out;
  };
  command("list", "What is open, and the silences")->callback([&cx] { list(cx); });

  auto* ack = command("ack", "I know: no more reminders, no escalation; changes nothing else");
  ack->add_option("service", o->service, "default: all");
  ack->callback([&cx, o] { say(cx, "/v1/alerts/ack", {{"service", o->service}}); });

  auto* hush = command("silence", "Say nothing of some alerts for a time; they stay open");
  hush->add_option("--service", o->service, "of this service");
  hush->add_option("--target", o->target, "of this target");
  hush->add_option("--kind", o->kind, "of this kind; \"failover.*\" for what begins so");
  hush->add_option("--for", o->for_time, "how long; default 1h");
  hush->add_option("--reason", o->reason, "shown to others");
  hush->callback([&cx, o] { silence(cx, *o); });

  auto* end = command("unsilence", "End a silence");
  end->add_option("id", o->id, "as `alert list` shows it")->required();
  end->callback([&cx, o] { say(cx, "/v1/alerts/silences/" + url_escaped(o->id) + "/end", Json::object()); });

  auto t = std::make_shared<AlertOptions>();
  t->kind = "test";
  auto* try_it = command("test", "Send a test where the routes lead it, and show how each delivery went");
  try_it->add_option("--severity", t->severity, "info, warning or critical")
      ->check(CLI::IsMember({"info", "warning", "critical"}));
  try_it->add_option("--service", t->service, "as if it were of this service");
  try_it->add_option("--kind", t->kind, "as if it were of this kind; default test");
  try_it->callback([&cx, t] { test(cx, *t); });
}

}  // namespace understudy::cli
