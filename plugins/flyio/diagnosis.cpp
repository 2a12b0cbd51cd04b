// target.diagnose/1: what would go wrong at the next start. Looks only.
#include <algorithm>

#include "extras.hpp"
#include "plan.hpp"
#include "prices.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

class Findings {
 public:
  void error(const std::string& what, const std::string& hint) { report_.problems.push_back({"error", what, hint}); }
  void warning(const std::string& what, const std::string& hint) {
    report_.problems.push_back({"warning", what, hint});
  }
  [[nodiscard]] const DiagnoseReport& report() const { return report_; }

 private:
  DiagnoseReport report_;
};

void look_at_regions(const Settings& settings, Findings& out) {
  for (const auto& region : settings.regions) {
    if (!region_is_known(region))
      out.warning("\"" + region + "\" was no region of Fly on " + prices_as_of(), "see `fly platform regions`");
  }
}

void look_at_machine(const Machine& m, const Settings& settings, Findings& out) {
  if (m.phase() == Phase::unclear || !m.config.is_object())
    return out.warning("its state cannot be told: " + m.describe(),
                       "wait for its host, or destroy it with `fly machine destroy --force " + m.id + "`");
  for (const auto& waker : m.wakers())
    out.warning("machine " + m.id + " may start behind our back: " + waker, "take that out of its config");
  if (settings.prewarm != "suspend") return;
  if (const auto why = cannot_suspend(m.config); !why.empty())
    out.warning("machine " + m.id + " cannot be suspended: " + why, "it starts cold: leave out `prewarm`");
}

void look_at_machines(const Machines& all, const Settings& settings, Findings& out) {
  if (all.empty() && settings.image.empty())
    out.error("Fly app " + settings.app + " has no machine that the settings choose, and no `image` to make one of",
              "set `image`, or create one: `fly machine create IMAGE -a " + settings.app + "`");
  for (const auto& m : all) look_at_machine(m, settings, out);
}

}  // namespace

DiagnoseReport diagnose(Api& api, const Deadline& deadline) {
  Findings out;
  look_at_regions(api.settings(), out);
  try {
    look_at_machines(api.machines(deadline), api.settings(), out);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::cancelled) throw;
    out.error(failure.error().message, failure.error().hint);
  }
  return out.report();
}

}  // namespace flyio_plugin
