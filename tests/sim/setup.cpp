#include "tests/sim/setup.hpp"

#include <array>

namespace understudy::sim {
namespace {

using std::chrono::milliseconds;

Millis seconds(Dice& dice, std::int64_t low, std::int64_t high) { return Millis(dice.between(low, high) * 1000); }

/// From none to the most that a file may say.
double draw_clock_error(Dice& dice) {
  constexpr double most = 0.2;
  if (dice.chance(0.1)) return 0;
  return dice.chance(0.3) ? most : most * dice.unit();
}

double clock_rate(Dice& dice, double rho) {
  if (dice.chance(0.2)) return 1 - rho;
  if (dice.chance(0.2)) return 1 + rho;
  return 1 - rho + 2 * rho * dice.unit();
}

void draw_limits(Dice& dice, config::Service& s) {
  s.limits.max_failovers = static_cast<int>(dice.between(1, 5));
  s.limits.window = seconds(dice, 600, 3600);
  s.limits.fence_timeout = seconds(dice, 30, 120);
  s.limits.remind_every = seconds(dice, 120, 900);
  s.limits.retry_max = seconds(dice, 10, 60);
  s.limits.breaker_open = seconds(dice, 60, 600);
  s.observe_every = seconds(dice, 20, 60);
  s.detect.interval = seconds(dice, 5, 20);
  s.detect.fall = static_cast<int>(dice.between(1, 3));
  s.detect.rise = static_cast<int>(dice.between(1, 3));
  s.detect.start_grace = seconds(dice, 10, 40);
  s.failback.policy = dice.chance(0.7) ? config::Failback::Policy::automatic : config::Failback::Policy::manual;
  s.failback.stable_for = seconds(dice, 60, 600);
  s.objective = static_cast<config::Objective>(dice.below(4));
}

/// Any terms that keep a healthy service running are to be safe. There are no delays in this world that a margin pays
/// for.
void draw_lease(Dice& dice, config::Service& s, double clock_error) {
  auto& terms = s.lease;
  terms.clock_error = clock_error;
  terms.margin = Millis(dice.between(0, 2) * 1000);
  terms.op_timeout = Millis(dice.between(2, 15) * 1000);
  terms.renew_every = Millis(dice.between(1, 4) * 1000);
  terms.ttl = terms.renew_every + 2 * terms.op_timeout + Millis(dice.between(0, 3) * 1000);
  terms.kill_time = Millis(dice.between(1, 8) * 1000);
}

void draw_state(Dice& dice, config::Service& s) {
  if (!dice.chance(0.75)) return;
  s.state.emplace();
  s.state->paths = {"/state"};
  s.state->every = seconds(dice, 30, 300);
  if (dice.chance(0.7)) s.state->max_age = seconds(dice, 120, 1800);
  s.state->save_on_failover = dice.chance(0.8);
  s.state->save_timeout = seconds(dice, 20, 60);
}

config::Target draw_target(Dice& dice, const config::Service& s, const std::string& name, bool cloud) {
  config::Target t;
  t.id = TargetId(name);
  if (s.state && !cloud) t.paths = {"/state"};
  t.activate_timeout = seconds(dice, 40, 120);
  t.deactivate_timeout = seconds(dice, 20, 60);
  t.stop_grace = seconds(dice, 1, 10);
  t.price.active_per_hour = Usd{static_cast<double>(dice.between(0, 50)) / 100};
  t.declared.ready_in = seconds(dice, 5, 90);
  t.failure_domain = dice.chance(0.15) ? "shared" : "";
  t.order = static_cast<int>(s.targets.size());
  return t;
}

void draw_service(Dice& dice, Setup& setup, int number) {
  static constexpr std::array names{"home", "spare", "cloud", "far"};
  config::Service s;
  s.id = ServiceId("service-" + std::to_string(number));
  s.primary = TargetId(names[0]);
  draw_limits(dice, s);
  draw_lease(dice, s, setup.clock_error);
  draw_state(dice, s);
  std::vector<TargetSetup> places;
  const double guarded = dice.chance(0.3) ? 0 : dice.unit();
  const auto count = static_cast<std::size_t>(dice.between(2, 4));
  for (std::size_t i = 0; i < count; ++i) {
    const bool cloud = i >= 2 || (i == 1 && dice.chance(0.4));
    s.targets.push_back(draw_target(dice, s, names[i], cloud));
    s.targets.back().lease = dice.chance(guarded);
    const double rate = clock_rate(dice, setup.clock_error);
    places.push_back({cloud, rate, s.targets.back().lease && dice.chance(0.2)});
  }
  setup.config.services.push_back(std::move(s));
  setup.targets.push_back(std::move(places));
}

void draw_notifiers(Dice& dice, Setup& setup) {
  const auto count = dice.between(1, 3);
  for (std::int64_t i = 0; i < count; ++i) {
    config::NotifierUse n;
    n.id = NotifierId("notifier-" + std::to_string(i));
    setup.config.notifiers.push_back(std::move(n));
  }
  if (dice.chance(0.5)) return;
  config::Route route;
  route.to = {setup.config.notifiers.front().id};
  route.throttle = dice.chance(0.5) ? Millis(0) : seconds(dice, 10, 300);
  setup.config.routes.push_back(std::move(route));
}

}  // namespace

Setup draw_setup(Dice& dice) {
  Setup out;
  out.clock_error = draw_clock_error(dice);
  const auto services = dice.chance(0.6) ? 1 : dice.between(2, 3);
  for (int i = 0; i < services; ++i) draw_service(dice, out, i + 1);
  draw_notifiers(dice, out);
  if (dice.chance(0.05)) out.config.orchestrator.mode = config::Orchestrator::Mode::observe;
  for (int i = 0; i < fault_count; ++i) {
    if (dice.chance(0.35)) out.faults |= 1U << i;
  }
  out.trouble = seconds(dice, 300, 2400);
  out.mean_between_faults_s = static_cast<double>(dice.between(15, 120));
  out.orchestrator_rate = clock_rate(dice, out.clock_error);
  out.has_reference = dice.chance(0.7);
  return out;
}

}  // namespace understudy::sim
