// A stated scenario of `understudy rehearse`.
#include "core/config/scenario_file.hpp"

#include "tests/fuzz/schemas.hpp"

using namespace understudy;

namespace {

config::Config a_service_with_two_targets() {
  config::Config out;
  auto& service = out.services.emplace_back();
  service.id = ServiceId("counter");
  for (const char* name : {"home", "spare"}) service.targets.emplace_back().id = TargetId(name);
  return out;
}

}  // namespace

FUZZ(input) {
  static const auto config = a_service_with_two_targets();
  const fuzz::MemoryFile file(input);
  const auto got = config::load_scenario(file.path(), config, fuzz::environment());
  fuzz::tell(got.diagnostics);
  if (!got.ok()) return fuzz::must(!got.diagnostics.empty(), "a refused file says why");
  for (const auto& outage : got.outages) {
    fuzz::must(outage.at.count() >= 0 && outage.lasts.count() >= 0, "an outage is in the future");
    fuzz::must(outage.target.empty() || config.services[0].find(outage.target) != nullptr, "a target is of the file");
  }
}
