// understudy status: who is active, how it is, what blocks.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;

/// "3 days", or finer when it is less than two.
std::string human_days(std::int64_t ms) {
  constexpr std::int64_t day = 86'400'000;
  return ms < 2 * day ? human_duration(ms) : fmt::format("{} days", ms / day);
}

int colour_of(const std::string& verdict) { return verdict == "up" ? 32 : verdict == "down" ? 31 : 33; }

/// How it is made certain that nothing runs there. `plan` says more.
std::string fence_words(const Json& fence) {
  const auto by = fence.value("by", ""), lease = fence.value("lease", "");
  if (by == "lease")
    return "lease: out of reach, it has ended after " + human_duration(fence.value("wait_ms", std::int64_t{0}));
  std::string out = "stop: its plugin confirms it";
  if (by == "neither")
    out = fence.value("unfenceable", "") == "promote" ? "neither stop nor lease: left running, two may run"
                                                      : "neither stop nor lease: a person must end it";
  if (lease == "holds_over") out += "; lease with store_outage = hold: proves nothing";
  if (lease == "unseen") out += "; lease: no agent seen yet";
  return out;
}

std::string target_line(const Json& t, const std::string& more) {
  const bool active = t.value("active", false);
  std::string state;
  const bool judged = t.value("verdict", "") != "unknown" || !t.value("cause", "").empty();
  if (active && (judged || !t["observed"].is_object())) {
    state = coloured(fmt::format("{:<9}", t.value("verdict", "")), colour_of(t.value("verdict", ""))) + " " +
            t.value("cause", "");
  } else if (t["observed"].is_object()) {
    const auto& o = t["observed"];
    state =
        fmt::format("{:<9} {}", o.value("reachable", false) ? o.value("state", "") : "silent", o.value("detail", ""));
  } else {
    state = "not looked at yet";
  }
  if (t["breaker"].is_object() && t["breaker"].value("open", false)) state += "  (resting after failures)";
  if (t.value("flapping", false)) state += "  (flapping)";
  if (t.contains("fence")) state += "  [" + fence_words(t["fence"]) + "]";
  return fmt::format("  {} {:<16} {:<8} {:<16} {}\n", active ? coloured("*", 32) : " ", t.value("target", ""),
                     t.value("role", ""), t.value("plugin", ""), state + more);
}

/// When a standby was last seen to come up, and whether that is too long ago.
std::string drill_line(const Json& t) {
  if (t.value("active", false) || !t.contains("drill")) return {};
  const auto& drill = t["drill"];
  std::string out;
  if (drill["overdue_ms"].is_number())
    out = coloured(fmt::format("      {} not drilled for {}{}\n", t.value("target", ""),
                               human_days(drill.value("overdue_ms", std::int64_t{0})),
                               drill.value("isolated", false) ? "" : " (it can be by a switchover only)"),
                   33);
  const auto& last = drill["last"];
  const bool failed = last.is_object() && !last.value("verified", false) && !last.value("cancelled", false);
  if (failed)
    out += coloured(
        fmt::format("      the last drill of {} failed: {}\n", t.value("target", ""), last.value("failure", "")), 31);
  return out;
}

std::string proven(const Json& t, std::int64_t now) {
  if (t.value("active", false) || !t.contains("drill") || !t["drill"]["proven"].is_object()) return {};
  const auto& proven = t["drill"]["proven"];
  const auto at = proven.value("at_ms", now);
  const auto& last = t["drill"]["last"];
  const bool drilled = last.is_object() && last.value("verified", false) && last.value("started_ms", now) >= at;
  return fmt::format("  {}: {} ago (ready in {:.1f} s)", drilled ? "drilled" : "promoted", human_days(now - at),
                     static_cast<double>(proven.value("ready_in_ms", std::int64_t{0})) / 1000);
}

std::string service_text(const Json& s, std::int64_t now) {
  std::string out = fmt::format("{}  {} at {} (epoch {}) for {}\n", coloured(s.value("service", ""), 36),
                                s.value("phase", ""), s.value("active", "").empty() ? "nobody" : s.value("active", ""),
                                s.value("epoch", 0), human_duration(now - s.value("since_ms", now)));
  for (const auto& t : s.at("targets")) out += target_line(t, proven(t, now)) + drill_line(t);
  if (s["snapshot"].is_object())
    out += fmt::format("    newest snapshot {} ago ({} bytes)\n",
                       human_duration(s["snapshot"].value("age_ms", std::int64_t{0})),
                       s["snapshot"].value("bytes", std::int64_t{0}));
  if (s["move"].is_object()) {
    const auto& m = s["move"];
    out += fmt::format("    {} {} -> {}: {}\n", m.value("kind", ""), m.value("from", ""), m.value("to", ""),
                       m.value("reason", ""));
    if (m.contains("lease_over_in_ms") && m["lease_over_in_ms"].is_number())
      out += fmt::format("    {} has certainly ended in {} (its lease)\n", m.value("from", ""),
                         human_duration(m.value("lease_over_in_ms", std::int64_t{0})));
  }
  if (s.contains("drill") && s["drill"].is_object())
    out += fmt::format("    {} is being drilled ({}): {}\n", s["drill"].value("target", ""),
                       s["drill"].value("mode", ""), s["drill"].value("stage", ""));
  if (s["pause"].is_object())
    out += coloured(fmt::format("    paused by {} for another {}\n", s["pause"].value("who", ""),
                                human_duration(s["pause"].value("until_ms", now) - now)),
                    33);
  if (s.contains("home") && s["home"].is_object()) {
    const auto& home = s["home"];
    out += fmt::format("    home is well for {}", human_duration(home.value("well_for_ms", std::int64_t{0})));
    if (home["frozen_for_ms"].is_number())
      out += fmt::format("; the way back is frozen for another {}",
                         human_duration(home.value("frozen_for_ms", std::int64_t{0})));
    out += "\n";
  }
  if (s["blocked"].is_object()) {
    const auto& b = s["blocked"];
    out += coloured(fmt::format("    blocked by {} for {}: {}\n", b.value("by", ""),
                                human_duration(now - b.value("since_ms", now)), b.value("text", "")),
                    31);
    if (!b.value("unblock", "").empty()) out += "    to go on: " + b.value("unblock", "") + "\n";
  }
  return out;
}

/// What is kept back of alerts, by whom, and for how long yet.
std::string silence_line(const Json& s, std::int64_t now) {
  std::string what;
  for (const char* key : {"service", "target", "kind"}) {
    if (const auto value = s.value(key, ""); !value.empty()) what += fmt::format(" {} {}", key, value);
  }
  const auto reason = s.value("reason", "");
  return coloured(fmt::format("silence {}:{} by {} for another {}{}\n", s.value("id", ""),
                              what.empty() ? " everything" : what, s.value("who", ""),
                              human_duration(s.value("until_ms", now) - now), reason.empty() ? "" : ": " + reason),
                  33);
}

std::string alerts_text(const Json& alerts, std::int64_t now) {
  std::string out;
  if (const auto dead = alerts.value("dead", 0); dead > 0)
    out += coloured(fmt::format("{} alerts could not be delivered", dead), 31) + "\n";
  if (const auto open = alerts.value("open", 0); open > 0)
    out += coloured(fmt::format("{} alert{} open (understudy alert list)", open, open == 1 ? "" : "s"), 33) + "\n";
  for (const auto& s : alerts.value("silences", Json::array())) out += silence_line(s, now);
  return out;
}

std::string text_of(const Json& status) {
  const auto now = status.value("now_ms", std::int64_t{0});
  std::string out = fmt::format("{} {}, mode {}, up {}\n", status.value("name", ""), status.value("version", ""),
                                status.value("mode", ""), human_duration(now - status.value("started_at_ms", now)));
  if (!status["journal"].value("ok", true))
    out +=
        coloured("the journal cannot be written: " + status["journal"].value("problem", "") + "; nothing is promoted",
                 31) +
        "\n";
  if (status["network"].value("verdict", "") == "down") out += coloured("our own network does not work", 31) + "\n";
  out += alerts_text(status["alerts"], now);
  for (const auto& s : status.at("services")) out += "\n" + service_text(s, now);
  return out;
}

void show(Context& cx, bool watch) {
  std::uint64_t seen = 0;
  do {
    const auto path =
        seen == 0 ? std::string("/v1/status") : "/v1/status?wait=" + std::to_string(seen) + "&timeout_ms=2000";
    const auto status = cx.ask("GET", path);
    if (!status) return;
    seen = status->value("revision", std::uint64_t{0});
    if (watch && on_terminal(1) && !cx.json) print("\x1b[H\x1b[2J");
    print(cx.json ? status->dump(watch ? -1 : 2) + "\n" : text_of(*status));
    std::fflush(stdout);
  } while (watch);
}

}  // namespace

void add_status(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("status", "Who is active, how it is, what blocks");
  auto watch = std::make_shared<bool>(false);
  command->add_flag("-w,--watch", *watch, "show it again at every change");
  command->add_flag("--json", cx.json, "machine-readable; with --watch a line each");
  command->callback([&cx, watch] { show(cx, *watch); });
}

}  // namespace understudy::cli
