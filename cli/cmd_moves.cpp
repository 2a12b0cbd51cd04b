// understudy promote, failback: moves that a person asks for. They wait until the service is verified at its new place.
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

struct MovesOptions {
  std::string service, target, plan_file, reason;
  bool force = false, accept_loss = false, yes = false, no_wait = false, dry_run = false;
  int timeout_s = 600;
};

constexpr std::int64_t plan_keeps_ms = 900'000;

/// A forced, destructive act is named by whoever asks for it.
bool confirmed(Context& cx, const MovesOptions& o) {
  if (!o.force) return true;
  if (o.target.empty()) {
    cx.fail(wrong_use, "--force needs the target to be named");
    return false;
  }
  if (o.yes) return true;
  if (!on_terminal(0)) {
    cx.fail(wrong_use, "--force asks for a confirmation, and there is no terminal",
            "add --yes when you are sure that the old site is stopped");
    return false;
  }
  std::fputs(
      fmt::format(
          "The old site of {} may still run. Two at once can lose data and money.\nType the target's name to go on: ",
          o.service)
          .c_str(),
      stderr);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == o.target) return true;
  cx.fail(refused, "not confirmed; nothing was done");
  return false;
}

std::optional<Json> request_body(Context& cx, const MovesOptions& o) {
  Json body = {{"who", user_at_host()},
               {"reason", o.reason},
               {"target", o.target},
               {"force", o.force},
               {"accept_loss", o.accept_loss}};
  if (o.plan_file.empty()) return body;
  std::ifstream in(o.plan_file);
  const Json plan = Json::parse(in, nullptr, false);
  if (!plan.is_object() || !plan.contains("index") || !plan.contains("ranked")) {
    cx.fail(wrong_use, o.plan_file + " is no saved plan",
            "make one with `understudy plan " + o.service + " --out FILE`");
    return std::nullopt;
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  if (plan.value("service", "") != o.service || plan["ranked"].empty()) {
    cx.fail(stale, "the plan is for another service, or names nobody");
    return std::nullopt;
  }
  if (now - plan.value("made_ms", std::int64_t{0}) > plan_keeps_ms) {
    cx.fail(stale, "the plan is older than 15 minutes", "make a new one");
    return std::nullopt;
  }
  body["expect_index"] = plan["index"];
  body["expect_config"] = plan.value("config", "");
  if (o.target.empty()) body["target"] = plan["ranked"][0].value("target", "");
  return body;
}

const Json* find_service(const Json& status, const std::string& name) {
  for (const auto& s : status.at("services")) {
    if (s.value("service", "") == name) return &s;
  }
  return nullptr;
}

/// What was asked for.
struct Wish {
  std::uint64_t move = 0;  ///< 0: what runs was taken as it is, and nothing moves
  std::string target;      ///< empty: the best standby
  bool home = false;       ///< the primary, whichever that is
};

std::string name_of_active(const Json& service) {
  const auto active = service.value("active", "");
  return active.empty() ? "nobody" : active;
}

/// It is over, and the service runs at `place`: is that what was asked for?
void arrive(Context& cx, const MovesOptions& o, const Wish& wish, const Json& service, const std::string& place,
            const std::string& took) {
  const auto wanted = wish.home ? service.value("primary", "") : wish.target;
  if (!wanted.empty() && place != wanted)
    return cx.fail(unverified, fmt::format("{} did not come to {}; it runs at {}", o.service, wanted, place),
                   "`understudy history " + o.service + "` says why");
  if (!cx.json)
    print(coloured(o.service + " runs at " + place, 32) +
          fmt::format(" (epoch {}{})\n", service.value("epoch", 0), took));
}

void conclude(Context& cx, const MovesOptions& o, const Wish& wish, const Json& service) {
  const auto& last = service.at("last_move");
  const auto result = last.value("result", "");
  if (result == "failed")
    return cx.fail(
        unverified,
        fmt::format("no standby can be promoted: {} stays at {}, as it was", o.service, name_of_active(service)),
        "`understudy plan " + o.service + "` says what keeps each of them out");
  if (result != "done" || last.value("kind", "") == "rollback")
    return cx.fail(unverified,
                   fmt::format("{}; {} is at {}", result == "done" ? "it did not succeed" : "the move was " + result,
                               o.service, name_of_active(service)),
                   "`understudy history " + o.service + "` says why");
  arrive(cx, o, wish, service, last.value("to", ""),
         ", took " + human_duration(last.value("took_ms", std::int64_t{0})));
}

/// Nothing moves: where it runs is told, and there is nothing to wait for.
void taken_in_place(Context& cx, const MovesOptions& o, const Wish& wish) {
  const auto status = cx.ask("GET", "/v1/status");
  if (!status) return;
  const auto* s = find_service(*status, o.service);
  if (s == nullptr) return cx.fail(failed, "the service is gone");
  if (cx.json) print(s->dump(2) + "\n");
  arrive(cx, o, wish, *s, name_of_active(*s), "");
}

/// Follows the move to its end.
void wait_for(Context& cx, const MovesOptions& o, const Wish& wish) {
  const auto deadline = Clock::now() + std::chrono::seconds(o.timeout_s);
  std::uint64_t seen = 0;
  std::string told;
  while (Clock::now() < deadline) {
    const auto status = cx.ask(
        "GET", seen == 0 ? std::string("/v1/status") : "/v1/status?wait=" + std::to_string(seen) + "&timeout_ms=1000");
    if (!status) return;
    seen = status->value("revision", std::uint64_t{0});
    const auto* s = find_service(*status, o.service);
    if (s == nullptr) return cx.fail(failed, "the service is gone");
    const auto phase = s->value("phase", "");
    if (!cx.json && phase != told) print("  " + phase + "\n");
    std::fflush(stdout);
    told = phase;
    const auto& last = s->at("last_move");
    if (last.is_object() && last.value("id", std::uint64_t{0}) == wish.move) {
      if (cx.json) print(s->dump(2) + "\n");
      return conclude(cx, o, wish, *s);
    }
    if (s->at("blocked").is_object() && (phase == "hold" || phase == "fence" || phase == "failback")) {
      return cx.fail(refused, s->at("blocked").value("text", ""), s->at("blocked").value("unblock", ""));
    }
  }
  cx.fail(unverified, "not verified within " + std::to_string(o.timeout_s) + " s; it goes on", "understudy status");
}

/// Nobody is asked, so which target "the best standby" or "its primary" is, is not known.
std::string what_would_be_asked(const Context& cx, const MovesOptions& o, const std::string& verb, const Wish& wish) {
  if (cx.json) {
    const Json target = wish.home || wish.target.empty() ? Json() : Json(wish.target);
    return Json{{"schema", 1}, {"would", verb}, {"service", o.service}, {"target", target}}.dump(2) + "\n";
  }
  const std::string place = wish.home ? "its primary" : wish.target.empty() ? "the best standby" : wish.target;
  return "would " + verb + " " + o.service + " to " + place + "\n";
}

void move(Context& cx, const MovesOptions& o, const char* verb) {
  const auto body = request_body(cx, o);
  if (!body) return;
  Wish wish{0, body->value("target", ""), std::string_view(verb) == "failback"};
  if (o.dry_run) return print(what_would_be_asked(cx, o, verb, wish));
  if (!confirmed(cx, o)) return;
  const auto accepted = cx.ask("POST", "/v1/services/" + url_escaped(o.service) + "/" + verb, *body);
  if (!accepted) return;
  if (o.no_wait) return print(cx.json ? accepted->dump(2) + "\n" : "accepted\n");
  wish.move = accepted->value("move", std::uint64_t{0});
  if (wish.move == 0) return taken_in_place(cx, o, wish);
  wait_for(cx, o, wish);
}

void add_common(CLI::App* command, Context& cx, const std::shared_ptr<MovesOptions>& o) {
  command->add_option("service", o->service, "the service")->required();
  command->add_option("--reason", o->reason, "for the journal");
  command->add_flag("--no-wait", o->no_wait, "do not wait until it is verified");
  command->add_option("--timeout", o->timeout_s, "how many seconds to wait")->check(CLI::Range(1, 86'400));
  command->add_flag("--dry-run", o->dry_run, "say what would be asked; ask nothing");
  command->add_flag("--json", cx.json, "machine-readable");
}

}  // namespace

void add_moves(CLI::App& app, Context& cx) {
  auto o = std::make_shared<MovesOptions>();
  auto* promote = app.add_subcommand("promote", "Move a service to a standby");
  add_common(promote, cx, o);
  promote->add_option("target", o->target, "where to; default: the best of the plan");
  promote->add_option("--plan", o->plan_file, "as saved by `plan --out`; refused when it is stale");
  promote->add_flag("--force", o->force, "although the old site is not confirmed stopped");
  promote->add_flag("--accept-loss", o->accept_loss, "with an old snapshot, or without any");
  promote->add_flag("--yes", o->yes, "do not ask");
  promote->callback([&cx, o] { move(cx, *o, "promote"); });

  auto* failback = app.add_subcommand("failback", "Move a service home");
  add_common(failback, cx, o);
  failback->callback([&cx, o] { move(cx, *o, "failback"); });
}

}  // namespace understudy::cli
