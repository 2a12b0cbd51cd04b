// understudy history: what happened, from the journal.
#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {

void add_history(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("history", "What happened, oldest first");
  struct HistoryOptions {
    std::string service;
    int limit = 50;
  };
  auto o = std::make_shared<HistoryOptions>();
  command->add_option("service", o->service, "default: all");
  command->add_option("-n,--limit", o->limit, "the last so many")->check(CLI::Range(1, 10'000));
  command->add_flag("--json", cx.json, "machine-readable: a line each");
  command->callback([&cx, o] {
    const auto reply = cx.ask("GET", "/v1/history?limit=" + std::to_string(o->limit) +
                                         (o->service.empty() ? "" : "&service=" + url_escaped(o->service)));
    if (!reply) return;
    auto events = reply->at("events");
    std::ranges::reverse(events);
    for (const auto& e : events) {
      if (cx.json) {
        print(e.dump() + "\n");
        continue;
      }
      const auto severity = e.value("severity", "");
      const std::string kind = fmt::format("{:<22}", e.value("kind", ""));
      print(fmt::format("{}  {:<12} {} {}\n", clock_time(e.value("at_ms", std::int64_t{0})), e.value("service", ""),
                        severity == "critical"  ? coloured(kind, 31)
                        : severity == "warning" ? coloured(kind, 33)
                                                : kind,
                        e.value("text", "")));
    }
  });
}

}  // namespace understudy::cli
