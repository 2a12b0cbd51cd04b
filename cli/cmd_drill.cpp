// understudy drill: a real test promotion of a standby. Waits until it is torn down; says what each step took.
#include <iostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

struct DrillOptions {
  std::string service, target, reason;
  bool switchover = false, yes = false, no_wait = false;
  int timeout_s = 3'600;
};

/// A switchover interrupts the service twice: not by a slip of the finger.
bool confirmed(Context& cx, const DrillOptions& o) {
  if (!o.switchover || o.yes) return true;
  if (!on_terminal(0)) {
    cx.fail(wrong_use, "--switchover moves the service itself and asks for a confirmation, and there is no terminal",
            "add --yes");
    return false;
  }
  std::fputs(
      fmt::format("{} itself will move there and back, with a short silence each time. Type yes to go on: ", o.service)
          .c_str(),
      stderr);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "yes") return true;
  cx.fail(refused, "not confirmed; nothing was done");
  return false;
}

std::string seconds(std::int64_t ms) { return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000); }

std::string name_of(const std::string& step, bool switchover) {
  if (step == "prepare") return "bring the state";
  if (step == "start") return switchover ? "move there" : "start";
  if (step == "verify") return switchover ? "stay there" : "healthy";
  return switchover ? "come back" : "tear down";
}

std::string line_of(const Json& step, bool switchover) {
  const bool ok = step.value("ok", false);
  return fmt::format("  {:<16} {:>9}  {}{}\n", name_of(step.value("step", ""), switchover),
                     seconds(step.value("took_ms", std::int64_t{0})), coloured(ok ? "ok" : "failed", ok ? 32 : 31),
                     step.value("detail", "").empty() ? "" : "  " + step.value("detail", ""));
}

const Json* service_of(const Json& status, const std::string& name) {
  for (const auto& s : status.at("services")) {
    if (s.value("service", "") == name) return &s;
  }
  return nullptr;
}

/// The drill's report: of the one under way, or of the target's last.
const Json* report_of(const Json& service, const std::string& id, const std::string& target) {
  if (service["drill"].is_object() && service["drill"].value("id", "") == id) return &service["drill"];
  for (const auto& t : service.at("targets")) {
    if (t.value("target", "") != target) continue;
    const auto& last = t["drill"]["last"];
    if (last.is_object() && last.value("id", "") == id) return &last;
  }
  return nullptr;
}

void conclude(Context& cx, const DrillOptions& o, const Json& report) {
  const auto target = report.value("target", "");
  if (report.value("verified", false)) {
    if (!cx.json)
      print(coloured(fmt::format("{} is proven", target), 32) +
            fmt::format(": ready in {}, {} in all, ${:.4f}\n", seconds(report.value("ready_in_ms", std::int64_t{0})),
                        seconds(report.value("took_ms", std::int64_t{0})), report.value("cost_usd", 0.0)));
    return;
  }
  const bool cancelled = report.value("cancelled", false);
  cx.fail(unverified,
          fmt::format("{} is not proven; the drill {}: {}", target, cancelled ? "was cancelled" : "failed",
                      report.value("failure", "")),
          "understudy history " + o.service);
}

void follow(Context& cx, const DrillOptions& o, const std::string& id, const std::string& target) {
  const auto deadline = Clock::now() + std::chrono::seconds(o.timeout_s);
  std::uint64_t seen = 0;
  std::size_t told = 0;
  while (Clock::now() < deadline) {
    const auto status = cx.ask(
        "GET", seen == 0 ? std::string("/v1/status") : "/v1/status?wait=" + std::to_string(seen) + "&timeout_ms=1000");
    if (!status) return;
    seen = status->value("revision", std::uint64_t{0});
    const auto* service = service_of(*status, o.service);
    const auto* report = service == nullptr ? nullptr : report_of(*service, id, target);
    if (report == nullptr)
      return cx.fail(unverified, "the orchestrator knows nothing of the drill any more",
                     "understudy history " + o.service);
    const auto& steps = report->at("steps");
    for (; told < steps.size() && !cx.json; ++told) print(line_of(steps[told], o.switchover));
    std::fflush(stdout);
    if (report->contains("stage")) continue;  // under way
    if (cx.json) print(report->dump(2) + "\n");
    return conclude(cx, o, *report);
  }
  cx.fail(unverified, "not over within " + std::to_string(o.timeout_s) + " s; it goes on", "understudy status");
}

void drill(Context& cx, const DrillOptions& o) {
  if (!confirmed(cx, o)) return;
  const auto begun =
      cx.ask("POST", "/v1/services/" + url_escaped(o.service) + "/drill",
             {{"who", user_at_host()}, {"reason", o.reason}, {"target", o.target}, {"switchover", o.switchover}});
  if (!begun) return;
  const auto target = begun->value("target", "");
  if (o.no_wait) return print(cx.json ? begun->dump(2) + "\n" : "accepted: " + target + " is being drilled\n");
  if (!cx.json) print(fmt::format("drilling {} of {}\n", target, o.service));
  follow(cx, o, begun->value("drill", ""), target);
}

}  // namespace

void add_drill(CLI::App& app, Context& cx) {
  auto o = std::make_shared<DrillOptions>();
  auto* command = app.add_subcommand("drill", "A real test promotion of a standby, timed and torn down");
  command->add_option("service", o->service, "the service")->required();
  command->add_option("target", o->target, "which standby; default: the one proven the longest ago");
  command->add_flag("--switchover", o->switchover, "move the service itself there and back");
  command->add_option("--reason", o->reason, "for the journal");
  command->add_flag("--yes", o->yes, "do not ask");
  command->add_flag("--no-wait", o->no_wait, "do not wait until it is over");
  command->add_option("--timeout", o->timeout_s, "how many seconds to wait")->check(CLI::Range(1, 86'400));
  command->add_flag("--json", cx.json, "machine-readable");
  command->callback([&cx, o] { drill(cx, *o); });
}

}  // namespace understudy::cli
