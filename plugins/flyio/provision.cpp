#include "provision.hpp"

#include <algorithm>

#include "plan.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

bool has_volume(const Machine& m) {
  const Json mounts = m.config.value("mounts", Json::array());
  return !mounts.empty();
}

const Machine* model_of(const Machines& all) {
  const auto it = std::ranges::find_if(all, [](const Machine& m) { return m.config.is_object() && !has_volume(m); });
  return it != all.end() ? &*it : nullptr;
}

void check_possible(const Settings& s, const Machines& all) {
  if (all.size() >= static_cast<std::size_t>(s.max_machines))
    throw Failure(Status::transient,
                  "Fly app " + s.app + " has " + std::to_string(all.size()) +
                      " machines already, and none of them can run the service: " + describe(all),
                  "destroy what is useless, or raise `max_machines`");
  if (!s.image.empty() || model_of(all) != nullptr) return;
  if (all.empty())
    throw Failure(Status::invalid, "Fly app " + s.app + " has no machine that the settings choose",
                  "set `image` to have one made, or make one with `fly machine create`; are `process_group` and "
                  "`metadata` right?");
  throw Failure(Status::transient,
                "no machine of Fly app " + s.app + " can be started, and one with a volume cannot be copied",
                "set `image`, or make another machine with a volume of its own");
}

std::string free_name(const Site& site, const Machines& all, const std::string& region) {
  for (std::size_t n = 1;; ++n) {
    auto name = machine_name(site.service, site.target, region, n);
    if (std::ranges::find(all, name, &Machine::name) == all.end()) return name;
  }
}

/// By the name, which tells a machine of ours from any other even when the answer to its creation was lost.
std::optional<std::string> find(Api& api, const std::string& name, const Deadline& deadline) {
  for (const auto& m : api.machines(deadline)) {
    if (m.name == name) return m.id;
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> regions_to_try(const Settings& settings) {
  return settings.regions.empty() ? std::vector<std::string>{""} : settings.regions;
}

std::string create_machine(Api& api, const Site& site, const Machines& all, const std::string& region,
                           const Deadline& deadline) {
  const auto& s = api.settings();
  check_possible(s, all);
  const auto name = free_name(site, all, region);
  Json body = {{"name", name},
               {"config", new_config(model_of(all), s)},
               {"skip_launch", true},
               {"skip_service_registration", true}};
  if (!region.empty()) body["region"] = region;
  const Attempt attempt{"create a machine" + (region.empty() ? "" : " in " + region), region, true};
  for (int tries = 0;; ++tries) {
    const auto answer = api.act({"POST", "", body, ""}, deadline);
    if (answer.ok() && answer.body.is_object() && answer.body.contains("id")) return answer.body.value("id", "");
    if (answer.ok() || answer.doubtful() || answer.code == "name_taken") {
      if (const auto found = find(api, name, deadline)) return *found;
    }
    const auto error = explain(answer, attempt, s);
    if (answer.no_capacity()) throw NoRoom(error);
    const auto wait = answer.retry_after.value_or(api.pause(tries));
    const bool again = answer.http == 0 || answer.doubtful() || answer.later();
    if (!again || wait >= deadline.left()) throw Failure(error);
    api.sleep(wait, deadline);
  }
}

std::string create_somewhere(Api& api, const Site& site, const Machines& all, const Deadline& deadline) {
  const auto regions = regions_to_try(api.settings());
  for (std::size_t i = 0;; ++i) {
    try {
      return create_machine(api, site, all, regions[i], deadline);
    } catch (const NoRoom& none) {
      if (i + 1 == regions.size()) throw;
      api.host().log(LogLevel::warning, none.what());
    }
  }
}

}  // namespace flyio_plugin
