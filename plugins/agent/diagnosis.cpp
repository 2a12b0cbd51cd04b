#include "diagnosis.hpp"

namespace agent_plugin {
namespace {

using namespace understudy::sdk;
using Problem = DiagnoseReport::Problem;

void look_at(const Report& report, std::vector<Problem>& out) {
  if (report.mode == "standby" && report.failed)
    out.push_back({"warning",
                   "the last activation, of epoch " + std::to_string(report.failed->epoch) +
                       ", came to nothing: " + report.failed->why,
                   "the agent's log says more; the next activation tries it anew"});
  if (report.status == "failed")
    out.push_back({"error", "the agent has given its workload up: " + report.detail,
                   "repair what it says, then activate it again or stop it"});
  if (report.unsaved)
    out.push_back(
        {"warning",
         report.unsaved_detail.empty() ? "what the workload left at the agent could not be saved"
                                       : "at the agent: " + report.unsaved_detail,
         "look at the agent's store: a repeated stop tries again to save it, unless it was refused for good"});
}

}  // namespace

DiagnoseReport diagnose(Agent& agent, const Deadline& deadline) {
  DiagnoseReport out;
  try {
    look_at(agent.health(deadline), out.problems);
    agent.try_key(deadline);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::cancelled) throw;
    std::string hint = failure.error().hint;
    if (failure.error().status == Status::transient && hint.empty())
      hint = "does `understudy agent` run there, does it listen on that address, and does a firewall let us through?";
    out.problems.push_back({"error", failure.error().message, hint});
  }
  return out;
}

}  // namespace agent_plugin
