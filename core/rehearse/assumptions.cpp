#include "core/rehearse/assumptions.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/policy/plan.hpp"
#include "core/policy/price.hpp"

namespace understudy::rehearse {
namespace {

constexpr double year_ms = 365.25 * 86'400'000;

Price price_of(const config::Target& target, const Quotes& quotes) {
  const auto quoted = quotes.find(target.id);
  return policy::with_overrides(quoted != quotes.end() ? quoted->second : Price{}, target.price);
}

void learn_outages(TargetAssumptions& t, const TargetId& id, const Past& past) {
  double sum = policy::prior_weight * static_cast<double>(t.outage.count());
  for (const auto& o : past.outages) {
    if (o.target != id) continue;
    ++t.outages_seen;
    sum += static_cast<double>(o.lasted.count());
  }
  const double n = policy::prior_weight + t.outages_seen;
  t.outage = Millis(std::llround(sum / n));
  const auto held = past.held.find(id);
  const double seen_years = held == past.held.end() ? 0 : static_cast<double>(held->second.count()) / year_ms;
  if (t.outages_per_year > 0 && seen_years > 0)
    t.outages_per_year = n / (policy::prior_weight / t.outages_per_year + seen_years);
}

void learn_activations(TargetAssumptions& t, const config::Target& target, const Past& past) {
  const auto it = past.activations.find(target.id);
  if (it == past.activations.end()) return;
  t.history = it->second;
  t.activations_seen = static_cast<int>(t.history.size());
  config::Declared declared = target.declared;
  declared.success = 1 - t.activation_fails;
  t.activation_fails = 1 - policy::readiness_of(declared, t.history).success;
}

TargetAssumptions of_target(const config::Config& config, const config::Service& service, const config::Target& target,
                            const std::optional<Past>& past, const Quotes& quotes) {
  const auto& general = config.rehearse;
  const auto& own = target.rehearse;
  TargetAssumptions t;
  t.outages_per_year = own.outages_per_year.value_or(general.outages_per_year);
  t.outage = own.outage.value_or(general.outage.value_or(service.expected_outage));
  t.unreachable = own.unreachable.value_or(general.unreachable);
  t.activation_fails = own.activation_fails.value_or(1 - target.declared.success);
  t.activation_spread = general.activation_spread;
  t.price = price_of(target, quotes);
  t.warm_per_hour = own.warm_per_hour.value_or(t.price.active_per_hour);
  if (past) {
    learn_outages(t, target.id, *past);
    learn_activations(t, target, *past);
  }
  t.warm_ready_in = own.warm_ready_in.value_or(t.ready_in(target.declared) / 4);
  return t;
}

std::string seen(int n, const char* what) { return n == 0 ? "" : fmt::format(" ({} {} seen)", n, what); }

std::string sentence(const TargetAssumptions& t, const config::Target& target, bool stated) {
  std::string out = target.id.value + ": ";
  if (!stated)
    out += fmt::format("{:.3g} outages a year of {} on average{}, {:.0f} % of them out of reach; ", t.outages_per_year,
                       span_text(t.outage), seen(t.outages_seen, "outages"), t.unreachable * 100);
  out += fmt::format("a start takes about {} and fails {:.0f} % of the time{}", span_text(t.ready_in(target.declared)),
                     t.activation_fails * 100, seen(t.activations_seen, "starts"));
  if (t.price.source.empty()) out += "; no price is known, so it is taken to be free";
  return out;
}

/// What fails by chance.
void tell_chance(const Assumptions& a, std::vector<std::string>& out) {
  const auto& g = a.general;
  out.push_back(fmt::format("lengths of outages are exponentially distributed; {:.0f} % take the whole failure domain",
                            g.regional * 100));
  out.push_back(
      fmt::format("our own network fails {:.3g} times a year for {} on average ({}); a provider's control plane {:.3g} "
                  "times for {}",
                  g.our_network_outages_per_year, span_text(g.our_network_outage),
                  a.reference ? "the reference checks notice it" : "no reference check would notice it",
                  g.control_plane_outages_per_year, span_text(g.control_plane_outage)));
  out.push_back(
      g.probe_loss > 0
          ? fmt::format("a round of checks fails for nothing once in {:.0f}; no check is hinted at", 1 / g.probe_loss)
          : "no round of checks fails for nothing; no check is hinted at");
}

}  // namespace

Millis TargetAssumptions::ready_in(const config::Declared& declared) const {
  return policy::readiness_of(declared, history).mean;
}

std::string span_text(Millis span) {
  const double s = static_cast<double>(span.count()) / 1000;
  if (s < 10) return fmt::format("{:.2g} s", s);
  if (s < 120) return fmt::format("{:.0f} s", s);
  if (s < 7200) return fmt::format("{:.0f} min", s / 60);
  if (s < 172'800) return fmt::format("{:.1f} h", s / 3600);
  return fmt::format("{:.1f} d", s / 86'400);
}

Assumptions assume(const config::Config& config, const config::Service& service, const std::optional<Past>& past,
                   const Quotes& quotes) {
  Assumptions out;
  out.general = config.rehearse;
  out.reference = !config.orchestrator.reference.empty();
  out.act = config.orchestrator.mode == config::Orchestrator::Mode::act;
  for (const auto& t : service.targets) out.targets.push_back(of_target(config, service, t, past, quotes));
  if (past) {
    for (const auto& o : past->outages) {
      if (o.target == service.primary) out.past_outages.push_back(o.lasted);
    }
    if (past->state_bytes) out.general.state_gb = static_cast<double>(*past->state_bytes) / 1e9;
  }
  return out;
}

Assumptions only_stated(Assumptions a) {
  a.stated = true;
  a.general.probe_loss = 0;
  for (auto& t : a.targets) t.activation_fails = 0;
  return a;
}

std::vector<std::string> sentences(const Assumptions& a, const config::Service& service) {
  const auto& g = a.general;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < service.targets.size(); ++i)
    out.push_back(sentence(a.targets[i], service.targets[i], a.stated));
  if (!a.stated) tell_chance(a, out);
  if (service.state)
    out.push_back(
        fmt::format("the state is {:.3g} GB and takes {} to save or to bring; {:.0f} % of the places that fail "
                    "leave it readable",
                    g.state_gb, span_text(g.state_takes), g.state_survives * 100));
  out.push_back(fmt::format(
      "a person comes after {} and decides what holds (--force, --accept-loss, resume), or brings it home by hand "
      "if the file wants that",
      span_text(g.person)));
  return out;
}

}  // namespace understudy::rehearse
