#include "core/policy/plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace understudy::policy {
namespace {

constexpr double hour_ms = 3'600'000;
constexpr double gb = 1e9;

Usd per_hours(Usd rate, double ms) { return {rate.value * ms / hour_ms}; }

Millis percentile(std::vector<Millis>& sorted, double p) {
  if (sorted.empty()) return Millis(0);
  const auto at = static_cast<std::size_t>(std::ceil(p * static_cast<double>(sorted.size()))) - 1;
  return sorted[std::min(at, sorted.size() - 1)];
}

Millis blended_outage(const Situation& s) {
  double sum = static_cast<double>(s.expected_outage.count()) * prior_weight;
  for (const auto o : s.past_outages) sum += static_cast<double>(o.count());
  return Millis(std::llround(sum / (prior_weight + static_cast<double>(s.past_outages.size()))));
}

/// The first constraint that rules the candidate out.
std::optional<Excluded> excluded_by(const Situation& s, const Candidate& c, const Ranked& r) {
  const auto out = [&](const char* reason, std::string text) { return Excluded{c.target, reason, std::move(text)}; };
  if (c.excluded) return Excluded{c.target, c.excluded_reason, c.excluded_why};
  if (!c.answers)
    return out("control_plane", "its control plane does not answer" + (c.why_not.empty() ? "" : ": " + c.why_not));
  if (c.breaker_open && !s.ignore_breakers) return out("breaker", "it failed several times in a row and rests");
  if (!s.regions.empty() && std::ranges::find(s.regions, c.region) == s.regions.end()) {
    return out("region", c.region.empty() ? "it names no region, and only some are allowed"
                                          : "region " + c.region + " is not allowed");
  }
  if (!c.failure_domain.empty() && c.failure_domain == s.failed_domain) {
    return out("failure_domain", "it shares the failure domain \"" + c.failure_domain + "\" with what failed");
  }
  const Usd money = r.run + r.activation + r.transfer;
  if (s.budget.per_activation && money > *s.budget.per_activation) {
    return out("budget", fmt::format("it would cost ${:.4f}, more than the ${:.4f} allowed for an activation",
                                     money.value, s.budget.per_activation->value));
  }
  if (s.budget.per_month && s.spent_this_month + money > *s.budget.per_month && money.value > 0) {
    return out("budget", fmt::format("this month's ${:.2f} spent plus ${:.4f} would exceed the budget of ${:.2f}",
                                     s.spent_this_month.value, money.value, s.budget.per_month->value));
  }
  return std::nullopt;
}

/// `away`: how long the service runs there.
Ranked price(const Situation& s, const Candidate& c, Millis away) {
  Ranked r;
  r.target = c.target;
  r.last_resort = c.last_resort;
  r.readiness = readiness_of(c.declared, c.history);
  const double billed =
      std::max(static_cast<double>(away.count()), static_cast<double>(c.price.min_billing.count()) * 1000);
  r.silence = per_hours(s.downtime_cost_per_hour, static_cast<double>(r.readiness.mean.count()));
  // Marginal: while it is active its standby price is not paid a second time.
  r.run = per_hours(Usd{std::max(0.0, c.price.active_per_hour.value - c.price.standby_per_hour.value)}, billed);
  r.activation = c.price.activation;
  r.transfer = c.price.transfer_per_gb * (static_cast<double>(s.state_bytes) / gb);
  r.price_source = c.price.source;
  r.price_date = c.price.as_of;
  return r;
}

/// Order before the last term is known. Ties: order in the file, then name.
struct Keyed {
  bool last_resort = false;
  double key = 0, second = 0;
  int order = 0;
  std::size_t index = 0;
};

double base_key(config::Objective objective, const Ranked& r, int order) {
  switch (objective) {
    case config::Objective::cheapest: return (r.run + r.activation + r.transfer).value;
    case config::Objective::fastest: return static_cast<double>(r.readiness.mean.count());
    case config::Objective::ordered: return order;
    case config::Objective::expected_cost: break;
  }
  // Trying a, then b when a fails, costs a + (1 - p_a)·b; the other order b + (1 - p_b)·a. The first is less exactly
  // when a / p_a < b / p_b, so sorting by cost over success gives the cheapest order of all of them (an exchange
  // argument).
  return (r.silence + r.run + r.activation + r.transfer).value / std::max(1e-6, r.readiness.success);
}

void fill_failure_terms(const Situation& s, std::vector<Ranked>& ranked) {
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    auto& r = ranked[i];
    // After the last one there is nobody: trying again takes at least as long as this one took.
    const auto next = i + 1 < ranked.size() ? ranked[i + 1].readiness.mean : r.readiness.mean;
    r.failure = per_hours(s.downtime_cost_per_hour, static_cast<double>(next.count())) * (1 - r.readiness.success);
    r.total = r.silence + r.run + r.activation + r.transfer + r.failure;
  }
}

/// At which downtime cost the first two change places, when only that differs.
void add_notes(const Situation& s, Plan& plan) {
  if (plan.ranked.size() < 2 || s.objective != config::Objective::expected_cost) return;
  const auto& a = plan.ranked[0];
  const auto& b = plan.ranked[1];
  if (b.last_resort) return;  // no price would change that
  // By the order's own rule, (money + D t) / p: equal at this D.
  const auto hours = [](const Ranked& r) { return static_cast<double>(r.readiness.mean.count()) / hour_ms; };
  const auto money = [](const Ranked& r) { return (r.run + r.activation + r.transfer).value; };
  const double time = hours(b) * a.readiness.success - hours(a) * b.readiness.success;
  if (std::abs(time) < 1e-12) return;
  const double turning = (money(a) * b.readiness.success - money(b) * a.readiness.success) / time;
  if (turning <= 0 || !std::isfinite(turning)) return;
  plan.notes.push_back(fmt::format("{} comes before {} as long as an hour of silence costs {} than ${:.2f}",
                                   a.target.value, b.target.value, time > 0 ? "more" : "less", turning));
}

}  // namespace

Readiness readiness_of(const config::Declared& declared, const std::vector<ActivationRecord>& history) {
  Readiness out;
  std::vector<Millis> took;
  int succeeded = 0;
  double sum = 0;
  for (const auto& h : history) {
    if (!h.succeeded) continue;
    ++succeeded;
    took.push_back(h.took);
    sum += static_cast<double>(h.took.count());
  }
  std::ranges::sort(took);
  out.samples = succeeded;
  out.attempts = static_cast<int>(history.size());
  out.p50 = percentile(took, 0.50);
  out.p95 = percentile(took, 0.95);
  const double n = static_cast<double>(succeeded);
  out.mean =
      Millis(std::llround((prior_weight * static_cast<double>(declared.ready_in.count()) + sum) / (prior_weight + n)));
  // Beta prior of weight `prior_weight` at the declared probability: the posterior mean.
  out.success = (prior_weight * declared.success + n) / (prior_weight + static_cast<double>(history.size()));
  return out;
}

Plan make_plan(const Situation& s, const std::vector<Candidate>& candidates) {
  Plan plan;
  plan.objective = s.objective;
  plan.outage = blended_outage(s);
  plan.failback_dwell = s.failback_dwell;
  plan.outage_samples = static_cast<int>(s.past_outages.size());
  plan.downtime_cost_per_hour = s.downtime_cost_per_hour;
  std::vector<Ranked> priced;
  std::vector<Keyed> keys;
  priced.reserve(candidates.size());
  keys.reserve(candidates.size());
  for (const auto& c : candidates) {
    Ranked r = price(s, c, plan.outage + plan.failback_dwell);
    if (auto why = excluded_by(s, c, r)) {
      plan.excluded.push_back(std::move(*why));
      continue;
    }
    keys.push_back({c.last_resort, base_key(s.objective, r, c.order),
                    (r.silence + r.run + r.activation + r.transfer).value, c.order, priced.size()});
    priced.push_back(std::move(r));
  }
  std::ranges::sort(keys, [&](const Keyed& a, const Keyed& b) {
    return std::tie(a.last_resort, a.key, a.second, a.order, priced[a.index].target.value) <
           std::tie(b.last_resort, b.key, b.second, b.order, priced[b.index].target.value);
  });
  plan.ranked.reserve(keys.size());
  for (const auto& k : keys) plan.ranked.push_back(std::move(priced[k.index]));
  fill_failure_terms(s, plan.ranked);
  std::ranges::sort(plan.excluded, {}, [](const Excluded& e) { return e.target.value; });
  add_notes(s, plan);
  return plan;
}

}  // namespace understudy::policy
