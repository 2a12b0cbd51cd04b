// understudy plan: where would it go, and why?
#include <fstream>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {

void add_plan(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("plan", "Where a service would go if it failed now, and why");
  struct PlanOptions {
    std::string service, out;
    bool exit_code = false;
  };
  auto o = std::make_shared<PlanOptions>();
  command->add_option("service", o->service, "the service")->required();
  command->add_option("-o,--out", o->out, "save the plan, for `promote --plan`");
  command->add_flag("--exit-code", o->exit_code, "exit with 3 when a standby could be promoted");
  command->add_flag("--json", cx.json, "machine-readable");
  command->callback([&cx, o] {
    const auto plan = cx.ask("GET", "/v1/services/" + url_escaped(o->service) + "/plan");
    if (!plan) return;
    if (!o->out.empty()) {
      std::ofstream out(o->out);
      out << plan->dump(2) << "\n";
      if (!out.flush()) return cx.fail(failed, "cannot write " + o->out);
    }
    print(cx.json ? plan->dump(2) + "\n"
                  : "if " + plan->value("active", "") + " failed now:\n" + plan->value("text", ""));
    if (o->exit_code && !plan->at("ranked").empty()) cx.exit_code = changes_pending;
  });
}

}  // namespace understudy::cli
