#include "core/rehearse/world.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/sim/dice.hpp"

namespace understudy::rehearse {
namespace {

constexpr double year_us = 365.25 * 86'400e6;
constexpr double shortest_us = 1e6;

/// Faults that come independently of each other and do not overlap with themselves.
template <class Each>
void draw(sim::Dice& dice, double per_year, Millis mean, Micros length, Each each) {
  if (per_year <= 0) return;
  double at = 0;
  while (true) {
    at += dice.exponential(year_us / per_year);
    if (at >= static_cast<double>(length.count())) return;
    const double lasts = std::max(shortest_us, dice.exponential(static_cast<double>(mean.count()) * 1000));
    each(Time(Micros(std::llround(at))), Time(Micros(std::llround(at + lasts))));
    at += lasts;
  }
}

/// How often a target's own outages begin, and which share of those takes its domain: with those that the others of the
/// domain begin it has as many as assumed, and as large a share of them is regional. Exact where their rates are equal.
struct Own {
  double rate = 1, regional = 0;  ///< `rate`: of the assumed one
};

Own own_outages(const config::Service& service, std::size_t i, double regional) {
  const auto& domain = service.targets[i].failure_domain;
  if (domain.empty()) return {};
  const auto together = std::ranges::count(service.targets, domain, &config::Target::failure_domain);
  const double begun = regional / static_cast<double>(together);
  const double rate = 1 - regional + begun;
  return {rate, begun / rate};
}

void invent_outages(std::vector<Fault>& out, const config::Service& service, const Assumptions& a, std::size_t i,
                    Micros length, sim::Dice dice) {
  const auto& t = a.targets[i];
  const Own own = own_outages(service, i, a.general.regional);
  draw(dice, t.outages_per_year * own.rate, t.outage, length, [&](Time from, Time to) {
    Fault fault{Fault::What::down, i, from, to, dice.chance(a.general.state_survives)};
    if (dice.chance(t.unreachable)) fault.what = Fault::What::unreachable;
    out.push_back(fault);
    if (!dice.chance(own.regional)) return;
    const auto& domain = service.targets[i].failure_domain;
    for (std::size_t other = 0; other < service.targets.size(); ++other) {
      if (other == i || service.targets[other].failure_domain != domain) continue;
      fault.target = other;
      out.push_back(fault);
    }
  });
}

}  // namespace

std::vector<Fault> invent(const config::Service& service, const Assumptions& a, Micros length, std::uint64_t seed) {
  std::vector<Fault> out;
  sim::Dice dice(seed);
  auto ours = dice.split();
  draw(ours, a.general.our_network_outages_per_year, a.general.our_network_outage, length,
       [&](Time from, Time to) { out.push_back({Fault::What::our_network, 0, from, to, true}); });
  for (std::size_t i = 0; i < service.targets.size(); ++i) {
    invent_outages(out, service, a, i, length, dice.split());
    auto control = dice.split();
    draw(control, a.general.control_plane_outages_per_year, a.general.control_plane_outage, length,
         [&](Time from, Time to) { out.push_back({Fault::What::control_plane, i, from, to, true}); });
  }
  std::ranges::stable_sort(out, {}, [](const Fault& f) { return std::tuple(f.from, f.target); });
  return out;
}

}  // namespace understudy::rehearse
