#include "tests/sim/outage.hpp"

#include <algorithm>

#include "core/policy/worst_case.hpp"

namespace understudy::sim {
namespace {

using failover::Phase;

constexpr Micros glance_every{20'000};
/// What has no limit of its own, and is not in the printed time: bringing the state, and messages on their way.
constexpr Micros beside{500'000};

}  // namespace

bool Outage::well() const {
  const auto& state = world_.orchestrator.state(0);
  return state.phase == Phase::active && state.active == world_.service(0).primary && !state.blocked &&
         world_.site(0, 0).serves();
}

std::string Outage::strike() {
  auto& home = world_.site(0, 0);
  const bool ends_by_itself = home.guarded() && !home.holds_over;
  switch (world_.fault_dice.below(ends_by_itself ? 3 : 1)) {
    case 0: home.set_serving(false); return "hangs";
    case 1: home.host_dies(); return "loses its power";
    default: break;
  }
  for (const int node : {home.host_node, home.plane_node()}) {
    world_.network.cut(World::orchestrator_node, node);
    world_.network.cut(node, World::orchestrator_node);
  }
  return "can be reached by nobody";
}

bool Outage::asks_a_person() const {
  const auto& blocked = world_.orchestrator.state(0).blocked;
  return blocked && may_ask(blocked->by);
}

/// Judged by the file and by what the store really has, not by the machine's word.
bool Outage::may_ask(const std::string& by) const {
  const auto& service = world_.service(0);
  const auto& home = service.targets.front();
  if (by == "no_standby")
    return !home.failure_domain.empty() && std::ranges::all_of(service.targets, [&](const config::Target& target) {
      return target.failure_domain == home.failure_domain;
    });
  if (by == "no_snapshot") return service.state && world_.stores.front().kept.empty();
  return by == "state_too_old" && service.state && service.state->max_age;
}

void Outage::play() {
  if (!world_.acts() || !world_.pass(Micros(world_.fault_dice.between(300'000'000, 900'000'000)))) return;
  if (!well()) return;  // its first start took longer than the file allows
  const auto how = strike();
  if (world_.story.on) world_.story.add(world_.name_of(world_.site(0, 0)), how + ", and nothing else is wrong");
  const auto printed = policy::worst_case(world_.service(0), world_.service(0).targets.front());
  const auto& state = world_.orchestrator.state(0);
  const bool over = waits("it is noticed", printed.notice,
                          [&] { return state.phase != Phase::active && state.phase != Phase::suspect; }) &&
                    waits("the old site has ended and is saved", printed.fenced() + printed.save,
                          [&] { return state.phase != Phase::fence; }) &&
                    // Perhaps the old one, started anew: a standby that does not start in its time is passed over.
                    waits("a target is active again", printed.start, [&] { return state.phase == Phase::active; });
  counts_ = over || world_.invariants.violation();
}

bool Outage::waits(const std::string& what, Millis printed, const std::function<bool()>& is_so) {
  const Time began = world_.line.now();
  const Micros at_most = world_.orchestrator.takes(printed) + beside;
  while (!is_so()) {
    if (asks_a_person() || !world_.pass(glance_every)) return false;
    if (world_.line.now() - began <= at_most) continue;
    const auto& state = world_.orchestrator.state(0);
    world_.invariants.add({"worst_case", "until " + what + " more than the " + std::to_string(printed.count()) +
                                             " ms that are printed: " + std::string(failover::to_string(state.phase)) +
                                             (state.blocked ? ", blocked by " + state.blocked->by : "")});
    return false;
  }
  const auto took = static_cast<double>((world_.line.now() - began).count());
  share_ = std::max(share_, took / static_cast<double>(at_most.count()));
  return true;
}

}  // namespace understudy::sim
