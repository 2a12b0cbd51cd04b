// understudy check, explain: is the file right? Offline: asks no provider and starts nothing. With --live each thing
// that the file names is asked once, and nothing is changed.
#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/detect/round.hpp"
#include "core/policy/worst_case.hpp"
#include "core/runtime/live_check.hpp"
#include "core/runtime/load.hpp"

namespace understudy::cli {
namespace {

bool can_stop(const config::Target& t, config::SchemaSource& plugins) {
  return plugins.offers(t.use.plugin, "target", "standby.deactivate/1");
}

policy::WorstCase worst_case(const config::Config& c, const config::Service& s, const config::Target& primary,
                             bool stops) {
  return policy::worst_case(s, primary, c.orchestrator.reference.empty() ? Millis(0) : detect::reference_timeout,
                            stops);
}

/// Rounded up to what human_duration shows, and never down.
std::string at_most(Millis t) {
  using namespace std::chrono;
  const Millis unit = t < 1s ? 1ms : t < 1h ? 1s : t < 24h ? 1min : 1h;
  return human_duration((t + unit - 1ms) / unit * unit.count());
}

/// How it is made certain that it has ended: a lease counts once its agent was seen, so it is not all that is said.
std::string end_of(const config::Target& t, bool stops) {
  if (t.lease) return stops ? "lease, stop" : "lease";
  return stops ? "stop" : "neither stop nor lease";
}

std::string worst(const config::Config& c, const config::Service& s, const config::Target& primary, bool stops) {
  const auto w = worst_case(c, s, primary, stops);
  std::string out = fmt::format("    {} dies: noticed within {}", primary.id.value, at_most(w.notice));
  if (w.fence) {
    out += fmt::format("; out of reach: has certainly ended {} later (its lease)", at_most(*w.fence));
  } else if (!stops && s.on_unfenceable == config::Unfenceable::hold) {
    return out + "; nothing makes certain that it has ended: held for a person (on_unfenceable = \"hold\")\n";
  } else if (!stops) {
    out += "; nothing makes certain that it has ended: left running, and two may run (on_unfenceable = \"promote\")";
  } else {
    out += fmt::format(
        "; stopped within {}, if its provider answers; if nobody can reach it, it is held for a person "
        "(a lease ends that: docs/leases.md)",
        at_most(w.stop));
  }
  if (s.targets.size() < 2) return out + "; there is no standby\n";
  out += fmt::format(
      "\n    serves elsewhere after {} at worst (start and verification take at most {}{}), {} by what the file "
      "declares; bringing the state comes to that, and each standby that does not come up\n",
      at_most(w.total()), at_most(w.start), w.save.count() > 0 ? ", a last save " + at_most(w.save) : "",
      at_most(w.expected()));
  return out;
}

std::string summary(const config::Config& c, config::SchemaSource& plugins) {
  std::string out;
  for (const auto& s : c.services) {
    out += fmt::format("service {}: primary {}, {} standby{}\n", s.id.value, s.primary.value, s.targets.size() - 1,
                       s.targets.size() == 2 ? "" : "s");
    for (const auto& t : s.targets)
      out += fmt::format("    {:<16} {} ({} health check{}; {})\n", t.id.value, t.use.plugin, t.health.size(),
                         t.health.size() == 1 ? "" : "s", end_of(t, can_stop(t, plugins)));
    if (const auto* primary = s.find(s.primary)) out += worst(c, s, *primary, can_stop(*primary, plugins));
  }
  return out;
}

nlohmann::json worst_json(const config::Config& c, const config::Service& s, config::SchemaSource& plugins) {
  const auto* primary = s.find(s.primary);
  if (primary == nullptr) return nullptr;
  const bool stops = can_stop(*primary, plugins);
  const auto w = worst_case(c, s, *primary, stops);
  const bool held = !w.fence && !stops && s.on_unfenceable == config::Unfenceable::hold;  // for a person: no end to it
  return {
      {"notice_ms", w.notice.count()},      {"fence_ms", w.fence ? nlohmann::json(w.fence->count()) : nlohmann::json()},
      {"stop_ms", w.stop.count()},          {"save_ms", w.save.count()},
      {"start_ms", w.start.count()},        {"total_ms", held ? nlohmann::json() : nlohmann::json(w.total().count())},
      {"expected_ms", w.expected().count()}};
}

using runtime::Finding;

std::string table(const std::vector<Finding>& findings) {
  std::size_t widest = 0;
  for (const auto& f : findings) widest = std::max(widest, f.name.size());
  std::string out = findings.empty() ? "" : "\n";
  for (const auto& f : findings) {
    const int colour = f.level == Finding::Level::ok ? 32 : f.level == Finding::Level::warning ? 33 : 31;
    out += coloured(fmt::format("{:<8}", to_string(f.level)), colour) +
           fmt::format("{:<10} {:<{}}  {}\n", f.kind, f.name, widest, f.message);
    if (!f.hint.empty()) out += fmt::format("{:8}{:10}     = {}\n", "", "", f.hint);
  }
  return out;
}

nlohmann::json to_json(const std::vector<Finding>& findings) {
  auto out = nlohmann::json::array();
  for (const auto& f : findings)
    out.push_back(
        {{"result", to_string(f.level)}, {"kind", f.kind}, {"name", f.name}, {"message", f.message}, {"hint", f.hint}});
  return out;
}

void check(Context& cx, bool live) {
  const auto files = cx.files();
  const auto loaded = runtime::load(files);
  const auto& result = loaded.result;
  cx.exit_code = result.config ? done : wrong_use;
  if (!cx.json) std::fputs(config::render(result.diagnostics, on_terminal(2)).c_str(), stderr);
  std::vector<Finding> findings;
  if (live && result.config) findings = runtime::live_check(*result.config, *loaded.registry);
  const auto broken = std::ranges::count(findings, Finding::Level::failed, &Finding::level);
  if (broken > 0) cx.exit_code = failed;
  if (cx.json) {
    nlohmann::json services = nlohmann::json::array();
    if (result.config) {
      const auto plugins = runtime::schemas_of(*loaded.registry);
      for (const auto& s : result.config->services)
        services.push_back({{"service", s.id.value},
                            {"primary", s.primary.value},
                            {"targets", s.targets.size()},
                            {"worst_case", worst_json(*result.config, s, *plugins)}});
    }
    nlohmann::json out = {{"schema", 1},
                          {"ok", result.config.has_value() && broken == 0},
                          {"diagnostics", config::to_json(result.diagnostics)},
                          {"services", services}};
    if (live) out["live"] = to_json(findings);
    return print(out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  if (!result.config) return;
  print(summary(*result.config, *runtime::schemas_of(*loaded.registry)) + table(findings));
  if (broken == 0) return print(coloured("ok", 32) + "\n");
  cx.fail(failed, fmt::format("{} of {} things that were asked failed", broken, findings.size()));
}

}  // namespace

void add_check(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("check", "Check the configuration; touches nothing");
  command->add_flag("--json", cx.json, "machine-readable");
  auto live = std::make_shared<bool>(false);
  command->add_flag("--live", *live, "also read each secret and ask each provider once; changes nothing");
  command->callback([&cx, live] { check(cx, *live); });

  auto* explain = app.add_subcommand("explain", "Explain a diagnostic, such as E0102");
  auto code = std::make_shared<std::string>();
  explain->add_option("code", *code, "the code")->required();
  explain->callback([&cx, code] {
    const auto text = config::explain(*code);
    if (text.empty()) return cx.fail(wrong_use, "there is no diagnostic " + *code);
    print(*code + ": " + std::string(text) + "\n");
  });
}

}  // namespace understudy::cli
