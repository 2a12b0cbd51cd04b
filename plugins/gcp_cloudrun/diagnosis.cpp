#include "diagnosis.hpp"

#include <algorithm>

#include "text.hpp"

namespace gcp {
namespace {

using understudy::sdk::Json;

void check_copies(const ServiceView& s, const Role& role, std::vector<Problem>& out) {
  const auto most = s.service_max > 0 && s.revision_max > 0 ? std::min(s.service_max, s.revision_max)
                                                            : std::max(s.service_max, s.revision_max);
  const bool scales_up = role.supervisor || role.scaling == Scaling::minimum;
  if (!scales_up || s.manual || most == 1) return;
  out.push_back({"warning",
                 "the service " + role.service + " may run " + (most == 0 ? "up to 100" : std::to_string(most)) +
                     " instances at once, each with its own copy of the workload",
                 "set its maximum instances to 1 (gcloud run services update " + role.service + " --max-instances=1)"});
}

void check_tags(const ServiceView& s, const Role& role, std::vector<Problem>& out) {
  for (const auto& target : list_of(s.raw, "traffic")) {
    const auto tag = text_of(target, "tag");
    if (tag.empty()) continue;
    out.push_back(
        {"warning",
         "the service " + role.service + " has the traffic tag " + tag +
             ": a request to its address may start an instance beside the others",
         "remove the tag (gcloud run services update-traffic " + role.service + " --remove-tags=" + tag + ")"});
  }
}

/// Each revision with traffic has instances of its own, and so a workload or a supervisor of its own.
void check_split(const ServiceView& s, const Role& role, std::vector<Problem>& out) {
  std::string revisions;
  int count = 0;
  for (const auto& target : list_of(s.raw, "trafficStatuses")) {
    if (number_of(target, "percent") == 0) continue;
    revisions += (count++ > 0 ? ", " : "") + short_name(text_of(target, "revision")) + " " +
                 std::to_string(number_of(target, "percent")) + " %";
  }
  if (count < 2) return;
  out.push_back({role.supervisor ? "error" : "warning",
                 "the traffic of " + role.service + " is split (" + revisions + "): each revision has its own " +
                     (role.supervisor ? "supervisor, and one request reaches this and the next that one"
                                      : "instances; activation gives all of it to the new revision"),
                 "give all to one (gcloud run services update-traffic " + role.service + " --to-revisions=NAME=100)"});
}

void check_supervisor(const ServiceView& s, const Role& role, std::vector<Problem>& out) {
  if (s.kept_instances() < 1) {
    out.push_back(
        {"warning",
         "no instance of " + role.service + " is kept running: its supervisor answers only after a cold start",
         "set its minimum instances to 1, or prewarm it; activation does it in any case"});
  }
  if (s.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" || s.ingress == "INGRESS_TRAFFIC_NONE") {
    out.push_back({"warning", "the service " + role.service + " takes no requests from outside its network",
                   "Understudy must run inside that network, or the ingress must be opened"});
  }
}

}  // namespace

Problem no_cpu(const std::string& service) {
  return {
      "error",
      "the service " + service + " has CPU only during requests (cpuIdle), so a worker in it stands still between them",
      "give it CPU always (gcloud run services update " + service +
          " --no-cpu-throttling), or say `works_between_requests = false` if it only answers requests"};
}

std::vector<Problem> diagnose(const ServiceView& s, const Role& role) {
  std::vector<Problem> out;
  if (role.works_between_requests && s.cpu_only_in_requests) out.push_back(no_cpu(role.service));
  if (s.failed()) {
    out.push_back({"error", "the service " + role.service + " is not Ready: " + s.why,
                   "repair its last revision, or roll back to an earlier one"});
  }
  check_copies(s, role, out);
  check_tags(s, role, out);
  check_split(s, role, out);
  if (role.supervisor) check_supervisor(s, role, out);
  if (!role.supervisor && role.scaling == Scaling::minimum) {
    out.push_back(
        {"warning",
         "with `scaling = \"minimum\"` Cloud Run may keep an idle instance for 15 minutes after the stop, and "
         "any request starts one",
         "`scaling = \"manual\"` switches the service off"});
  }
  return out;
}

}  // namespace gcp
