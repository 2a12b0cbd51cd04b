#include "group.hpp"

#include <algorithm>

namespace flyio_plugin {

using namespace understudy::sdk;

namespace {
constexpr Millis keep_patience{5'000};
}

bool Group::missing(const Machine& machine) const {
  return machine.phase() != Phase::unclear && machine.config.is_object() && !held_.contains(machine.id) &&
         !gone_.contains(machine.id);
}

void Group::hold(const std::string& id, const Deadline& deadline) {
  try {
    auto held = std::make_unique<Held>(api_, id, holder_, deadline);
    held->while_waiting([this](const Deadline& until) { keep(until); });
    held_[id] = std::move(held);
  } catch (const Failure& failure) {
    if (failure.error().kind != "not_found") throw;
    gone_.insert(id);  // destroyed since it was listed
  }
}

void Group::hold_all(Machines all, const Deadline& deadline) {
  for (;; all = api_.machines(deadline)) {
    std::vector<std::string> wanted;
    for (const auto& m : all) {
      if (missing(m)) wanted.push_back(m.id);
    }
    listed_ = std::move(all);
    if (wanted.empty()) return;
    std::ranges::sort(wanted);  // every controller in the same order, so that no two wait for each other
    for (const auto& id : wanted) hold(id, deadline);
  }
}

Machines Group::seen() const {
  Machines out;
  for (const auto& m : listed_) {
    const auto it = held_.find(m.id);
    const auto& now = it != held_.end() ? it->second->machine() : m;
    if (now.phase() != Phase::gone) out.push_back(now);
  }
  return out;
}

Held* Group::find(const std::string& id) {
  const auto it = held_.find(id);
  return it != held_.end() ? it->second.get() : nullptr;
}

/// A lease that is lost here is noticed where it matters: at the next change of that machine.
void Group::keep(const Deadline& deadline) {
  for (auto& [id, held] : held_) {
    try {
      held->keep_lease(deadline.at_most(keep_patience));
    } catch (const Failure& failure) {
      if (failure.error().status == Status::cancelled) throw;
      api_.host().log(LogLevel::warning, failure.what());
    }
  }
}

}  // namespace flyio_plugin
