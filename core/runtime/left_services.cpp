#include "core/runtime/left_services.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/failover/state.hpp"
#include "core/host/clock.hpp"
#include "core/journal/journal.hpp"
#include "core/runtime/alert_desk.hpp"

namespace understudy::runtime {
namespace {

constexpr const char* left_space = "left";  ///< of the journal's documents: of which services people were told

/// The guard of what runs, which ends it when it cannot renew.
const failover::GuardSeen* guard_of(const failover::State& state) {
  const auto guard = state.guards.find(state.active);
  const bool leased = state.running && guard != state.guards.end() && guard->second.epoch == state.epoch;
  return leased && !guard->second.holds_over ? &guard->second : nullptr;
}

Alert ends_soon(const ServiceId& service, const TargetId& target, const failover::GuardSeen& guard) {
  Alert alert;
  alert.kind = "lease.given_up";
  alert.severity = Severity::warning;
  alert.state = AlertState::event;
  alert.service = service;
  alert.target = target;
  alert.title = fmt::format("{} has left the file, so its agent at {} ends it", service.value, target.value);
  alert.text = fmt::format(
      "Nobody renews its lease any more, which ends within {} s. To go on, name the service in the file "
      "again; to run it without Understudy, take [agent.lease] out of the agent's file, start the agent again, and "
      "tell "
      "it to activate.",
      std::chrono::ceil<std::chrono::seconds>(guard.ttl).count());
  return alert;
}

}  // namespace

void tell_left_services(journal::Journal& journal, const config::Config& config, AlertDesk& desk) {
  const auto rows = journal.services();
  const auto* services = std::get_if<std::vector<journal::StateRow>>(&rows);
  if (services == nullptr) return;  // what must be written next tells
  const auto told = journal.documents(left_space);
  for (const auto& row : *services) {
    const auto& key = row.service.value;
    if (std::ranges::find(config.services, row.service, &config::Service::id) != config.services.end()) {
      if (told.contains(key)) (void)journal.commit({journal::DocumentErase{left_space, key}});
      continue;
    }
    const auto state = failover::state_from_json(row.state);
    const auto* guard = state ? guard_of(*state) : nullptr;
    if (guard == nullptr || told.contains(key)) continue;
    desk.tell(ends_soon(row.service, state->active, *guard));
    (void)journal.commit({journal::DocumentPut{left_space, key, {{"target", state->active.value}}, wall_now()}});
  }
}

}  // namespace understudy::runtime
