// understudy pause, resume, reload.
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/config/units.hpp"

namespace understudy::cli {
namespace {

struct PauseOptions {
  std::string service, for_time = "1h", reason;
};

void send(Context& cx, const PauseOptions& o, const std::string& verb) {
  nlohmann::json body = {{"who", user_at_host()}, {"reason", o.reason}};
  if (verb == "pause") {
    const auto time = config::parse_duration(o.for_time);
    if (!time) return cx.fail(wrong_use, "--for \"" + o.for_time + "\" is no duration", "write it as 90s, 30m or 2h");
    body["for_ms"] = time->count();
  }
  const auto path = o.service.empty() ? "/v1/" + verb : "/v1/services/" + url_escaped(o.service) + "/" + verb;
  const auto reply = cx.ask("POST", path, body);
  if (!reply) return;
  if (cx.json) return print(reply->dump(2) + "\n");
  print((o.service.empty() ? "all services" : o.service) +
        (verb == "pause" ? " paused for " + o.for_time + "; then it resumes by itself\n" : " resumed\n"));
}

}  // namespace

void add_pause(CLI::App& app, Context& cx) {
  auto o = std::make_shared<PauseOptions>();
  auto* pause = app.add_subcommand("pause", "Watch and tell, but do not act, for a time");
  pause->add_option("service", o->service, "default: all");
  pause->add_option("--for", o->for_time, "how long; default 1h");
  pause->add_option("--reason", o->reason, "for the journal");
  pause->add_flag("--json", cx.json, "machine-readable");
  pause->callback([&cx, o] { send(cx, *o, "pause"); });

  auto* resume = app.add_subcommand("resume", "End a pause, or go on after a hold");
  resume->add_option("service", o->service, "default: all");
  resume->add_option("--reason", o->reason, "for the journal");
  resume->add_flag("--json", cx.json, "machine-readable");
  resume->callback([&cx, o] { send(cx, *o, "resume"); });

  auto* reload = app.add_subcommand("reload", "Read the configuration again; a bad file changes nothing");
  reload->add_flag("--json", cx.json, "machine-readable");
  reload->callback([&cx] {
    if (const auto reply = cx.ask("POST", "/v1/reload", {{"who", user_at_host()}}))
      print(cx.json ? reply->dump(2) + "\n" : reply->value("message", "reloaded") + "\n");
  });
}

}  // namespace understudy::cli
