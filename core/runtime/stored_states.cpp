#include "core/runtime/stored_states.hpp"

#include <algorithm>

namespace understudy::runtime {

std::variant<States, plugins::LoadError> stored_states(journal::Journal& journal, const config::Config& config) {
  auto rows = journal.services();
  if (const auto* problem = std::get_if<journal::Problem>(&rows))
    return plugins::LoadError{problem->message, problem->hint, false, true};
  States out;
  for (const auto& row : std::get<std::vector<journal::StateRow>>(rows)) {
    if (std::ranges::find(config.services, row.service, &config::Service::id) == config.services.end()) continue;
    auto state = failover::state_from_json(row.state);
    if (!state)
      return plugins::LoadError{"the journal's state of service " + row.service.value + " cannot be read",
                                "was it written by a newer Understudy? run that one; or move journal.db aside with its "
                                "-wal and -shm: what runs is then looked for anew"};
    out.emplace(row.service, std::move(*state));
  }
  return out;
}

}  // namespace understudy::runtime
