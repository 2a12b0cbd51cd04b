// understudy target rollback, prewarm, diagnose, logs: what a target's plugin can do beside running the service.
#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;
constexpr std::chrono::hours longest_call{1};

struct TargetOptions {
  std::string service, target, reason;
  int lines = 100;
};

std::optional<Json> ask(Context& cx, const TargetOptions& o, const char* method, const std::string& verb) {
  const auto path = "/v1/services/" + url_escaped(o.service) + "/targets/" + url_escaped(o.target) + "/" + verb;
  Json body = nullptr;
  if (std::string_view(method) == "POST") body = {{"who", user_at_host()}, {"reason", o.reason}};
  return cx.ask(method, path, body, longest_call);
}

/// True when the answer was printed as it is.
bool as_json(const Context& cx, const Json& answer) {
  if (cx.json) print(answer.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return cx.json;
}

std::string detail_of(const Json& answer) {
  const auto detail = answer.value("detail", "");
  return detail.empty() ? "\n" : ": " + detail + "\n";
}

void rollback(Context& cx, const TargetOptions& o) {
  const auto answer = ask(cx, o, "POST", "rollback");
  if (!answer || as_json(cx, *answer)) return;
  print(coloured(
            fmt::format("{} went back from {} to {}", o.target, answer->value("from", "?"), answer->value("to", "?")),
            32) +
        detail_of(*answer));
}

void prewarm(Context& cx, const TargetOptions& o) {
  const auto answer = ask(cx, o, "POST", "prewarm");
  if (!answer || as_json(cx, *answer)) return;
  const bool ready = answer->value("ready", false);
  print(coloured(o.target + (ready ? " is warm" : " stays cold; the next activation is a cold one"), ready ? 32 : 33) +
        detail_of(*answer));
}

void diagnose(Context& cx, const TargetOptions& o) {
  const auto answer = ask(cx, o, "GET", "diagnose");
  if (!answer) return;
  const auto problems = answer->value("problems", Json::array());
  const auto is_error = [](const Json& p) { return p.value("severity", "error") != "warning"; };
  if (std::ranges::any_of(problems, is_error)) cx.exit_code = failed;
  if (as_json(cx, *answer)) return;
  if (problems.empty()) print(coloured("nothing is in the way of " + o.target, 32) + "\n");
  for (const auto& p : problems) {
    print(coloured(fmt::format("{:<8}", p.value("severity", "error")), is_error(p) ? 31 : 33) + p.value("message", "") +
          "\n");
    if (const auto hint = p.value("hint", ""); !hint.empty()) print("            = " + hint + "\n");
  }
}

void logs(Context& cx, const TargetOptions& o) {
  const auto answer = ask(cx, o, "GET", "logs?lines=" + std::to_string(o.lines));
  if (!answer || as_json(cx, *answer)) return;
  for (const auto& line : answer->value("lines", Json::array())) print(line.get<std::string>() + "\n");
}

}  // namespace

void add_target(CLI::App& app, Context& cx) {
  auto* family = app.add_subcommand("target", "What a target's plugin can do beside running the service");
  family->require_subcommand(1);
  auto o = std::make_shared<TargetOptions>();
  const auto add = [&](const char* name, const char* help, void (*run)(Context&, const TargetOptions&)) {
    auto* c = family->add_subcommand(name, help);
    c->add_option("service", o->service, "the service")->required();
    c->add_option("target", o->target, "the target")->required();
    c->add_flag("--json", cx.json, "machine-readable");
    c->callback([&cx, o, run] { run(cx, *o); });
    return c;
  };
  const auto with_reason = [&](CLI::App* c) { c->add_option("--reason", o->reason, "for the journal"); };
  with_reason(add("rollback", "Back to the workload's version before the present one", rollback));
  with_reason(add("prewarm", "Make its next activation faster", prewarm));
  add("diagnose", "What would go wrong when it is needed?", diagnose);
  add("logs", "The workload's last words", logs)
      ->add_option("-n,--lines", o->lines, "at most so many")
      ->check(CLI::Range(1, 10'000));
}

}  // namespace understudy::cli
