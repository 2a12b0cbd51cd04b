// Checks, rounds, verdicts, and the plan that is made when the verdict is bad: the pure rooms, as core/runtime uses
// them.
#include <algorithm>

#include "core/detect/round.hpp"
#include "core/detect/schedule.hpp"
#include "tests/sim/world.hpp"

namespace understudy::sim {

using namespace failover;

void Orchestrator::do_effect(int service, const Watch& e) {
  const auto& targets = world_.service(service).targets;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].id != e.target) {
      set_mode(service, i, Probe::Mode::idle, false);
    } else {
      set_mode(service, i, e.mode == Watch::Mode::verifying ? Probe::Mode::verifying : Probe::Mode::serving, e.grace);
    }
  }
}

/// As core/runtime/prober.cpp.
void Orchestrator::set_mode(int service, std::size_t target, Probe::Mode mode, bool starting) {
  auto& p = runner(service).places[target].probe;
  if (mode == Probe::Mode::verifying || starting) p.detector.activated(world_.service(service).detect, now().mono);
  const bool was_idle = p.mode == Probe::Mode::idle;
  p.mode = mode;
  if (mode == Probe::Mode::idle) {
    p.detector.rests();
    ++p.generation;
  } else if (mode == Probe::Mode::verifying) {
    probe_round(service, target, ++p.generation);
  } else if (was_idle || starting) {
    probe_soon(service, target);
  }
}

void Orchestrator::probe_soon(int service, std::size_t target) {
  const auto generation = ++runner(service).places[target].probe.generation;
  later(detect::first_delay(world_.net_dice.bits(), world_.service(service).detect.fast_interval),
        [this, service, target, generation] { probe_round(service, target, generation); });
}

/// Asks the workload itself, over the network.
void Orchestrator::probe_round(int service, std::size_t target, std::uint64_t generation) {
  if (runner(service).places[target].probe.generation != generation) return;
  runner(service).places[target].probe.asked = now().mono;
  auto& site = world_.site(service, target);
  auto once = std::make_shared<bool>(false);
  world_.call<CheckReport>(
      World::orchestrator_node, site.host_node, clock_.truly(world_.service(service).detect.timeout),
      [&site](const std::function<void(CheckReport)>& answer) {
        if (const auto report = site.check()) answer(*report);
      },
      [this, service, target, generation, once, life = life_](const std::optional<CheckReport>& got) {
        if (std::exchange(*once, true)) return;
        const auto report = got.value_or(CheckReport{understudy::Outcome::fail, "no answer in time", true, false, {}});
        hears(life,
              [this, service, target, generation, report] { probe_answered(service, target, generation, report); });
      });
}

void Orchestrator::probe_answered(int service, std::size_t target, std::uint64_t generation, CheckReport report) {
  auto& p = runner(service).places[target].probe;
  if (p.generation != generation) return;
  const auto& of = world_.service(service);
  bool network_ok = !world_.setup.has_reference || world_.reference_answers();
  world_.invariants.probed(world_, service, of.targets[target].id, report.outcome, network_ok);
  if (world_.mutation == Mutation::canary_ignored) network_ok = true;
  if (world_.mutation == Mutation::unknown_is_fail && report.outcome == understudy::Outcome::unknown)
    report.outcome = understudy::Outcome::fail;
  detect::Round round(of.detect.combine, 1, 1);
  (void)round.next();
  const auto result = round.report(0, report);
  if (result->outcome == understudy::Outcome::pass) p.passed = p.asked;
  const auto change = p.detector.on_round(of.detect, *result, network_ok, now().mono);
  const auto interval = world_.mutation == Mutation::interval_stays
                            ? of.detect.interval
                            : p.detector.interval(of.detect, p.mode == Probe::Mode::verifying);
  const auto wait = detect::jittered(interval, of.detect.jitter, world_.net_dice.bits());
  later(wait, [this, service, target, generation] { probe_round(service, target, generation); });
  if (change.changed)
    deliver(service, HealthSeen{of.targets[target].id, p.detector.verdict(), p.detector.failing(), p.detector.cause(),
                                p.passed});
}

policy::Candidate Orchestrator::candidate(int service, std::size_t target, const MakePlan& ask) const {
  const auto& r = runners_[static_cast<std::size_t>(service)];
  const auto& t = world_.service(service).targets[target];
  const auto& look = r.places[target].look;
  policy::Candidate c;
  c.target = t.id;
  c.declared = t.declared;
  c.failure_domain = t.failure_domain;
  c.order = t.order;
  c.price.active_per_hour = *t.price.active_per_hour;
  const auto& activations = world_.journal.services[static_cast<std::size_t>(service)].activations;
  if (const auto it = activations.find(t.id); it != activations.end()) c.history = it->second;
  const bool old = look && now().wall - look->at > world_.service(service).observe_every * 3 + Millis(15'000);
  c.answers = look && look->reachable && !old;
  c.why_not = !look ? "it has not answered yet" : old ? "no answer for some time" : look->detail;
  const auto breaker = r.state.breakers.find(t.id);
  c.breaker_open =
      breaker != r.state.breakers.end() && breaker->second.open_until && *breaker->second.open_until > now().mono;
  c.last_resort = t.id == ask.failed;
  if (t.id == ask.failed && !ask.desperate) {
    c.excluded = true;
    c.excluded_reason = "failed";
    c.excluded_why = "it is the one that failed";
  } else if (std::ranges::find(ask.exclude, t.id) != ask.exclude.end()) {
    c.excluded = true;
    c.excluded_reason = "tried";
    c.excluded_why = "it was tried in this move";
  }
  return c;
}

PlanMade Orchestrator::make_plan(int service, const MakePlan& ask) const {
  const auto& of = world_.service(service);
  const auto& r = runners_[static_cast<std::size_t>(service)];
  policy::Situation s;
  s.downtime_cost_per_hour = of.downtime_cost_per_hour;
  s.objective = of.objective;
  s.expected_outage = of.expected_outage;
  s.failback_dwell = of.failback.dwell();
  if (const auto* failed = of.find(ask.failed); failed != nullptr && !ask.desperate)
    s.failed_domain = failed->failure_domain;
  s.ignore_breakers = ask.desperate;
  std::vector<policy::Candidate> candidates;
  std::size_t idle = 0, failing = 0;
  for (std::size_t i = 0; i < of.targets.size(); ++i) {
    candidates.push_back(candidate(service, i, ask));
    if (of.targets[i].id == r.state.active) continue;
    ++idle;
    failing += r.places[i].look && !r.places[i].look->reachable ? 1 : 0;
  }
  const auto plan = policy::make_plan(s, candidates);
  PlanMade made;
  for (const auto& c : plan.ranked) made.ranked.push_back(c.target);
  made.summary = plan.summary();
  made.why_empty = plan.why_empty();
  made.common_mode = r.state.running && !r.state.move && detect::common_mode(true, idle, failing);
  return made;
}

}  // namespace understudy::sim
