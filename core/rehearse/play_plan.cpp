// The inputs of the policy engine, gathered as core/runtime/runner_plan.cpp does.
#include <algorithm>

#include "core/detect/schedule.hpp"
#include "core/rehearse/play.hpp"

namespace understudy::rehearse {
namespace {

WallTime next_month(WallTime at) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(at));
  return WallTime(std::chrono::sys_days((day.year() / day.month() + std::chrono::months(1)) / 1));
}

}  // namespace

policy::Candidate Play::candidate(const Place& p, const failover::MakePlan& ask) const {
  const auto& t = *p.target;
  policy::Candidate c;
  c.target = t.id;
  c.price = p.assumed->price;
  c.declared = t.declared;
  c.history = p.history;
  c.region = t.region;
  c.failure_domain = t.failure_domain;
  c.order = t.order;
  c.answers = p.look && p.look->reachable && p.look->ready;
  const auto breaker = state_.breakers.find(t.id);
  c.breaker_open =
      breaker != state_.breakers.end() && breaker->second.open_until && *breaker->second.open_until > clock_.now();
  c.last_resort = t.id == ask.failed;
  if (t.id == ask.failed && !ask.desperate) {
    c.excluded = true;
    c.excluded_reason = "failed";
  } else if (std::ranges::find(ask.exclude, t.id) != ask.exclude.end()) {
    c.excluded = true;
    c.excluded_reason = "tried";
  }
  return c;
}

failover::PlanMade Play::make_plan(const failover::MakePlan& ask) {
  policy::Situation s;
  s.downtime_cost_per_hour = service_.downtime_cost_per_hour;
  s.objective = service_.objective;
  s.regions = service_.regions;
  s.budget = service_.budget;
  note_spending();
  s.spent_this_month = spent_this_month_;
  s.expected_outage = service_.expected_outage;
  s.past_outages = outages_;
  s.failback_dwell = service_.failback.dwell();
  if (service_.state) s.state_bytes = static_cast<std::int64_t>(assumptions_.general.state_gb * 1e9);
  if (const auto* failed = service_.find(ask.failed); failed != nullptr && !ask.desperate)
    s.failed_domain = failed->failure_domain;
  s.ignore_breakers = ask.desperate;
  std::vector<policy::Candidate> candidates;
  for (const auto& p : places_) candidates.push_back(candidate(p, ask));
  const auto plan = policy::make_plan(s, candidates);
  failover::PlanMade made;
  for (const auto& c : plan.ranked) made.ranked.push_back(c.target);
  made.common_mode = state_.running && !state_.move && common_mode();
  return made;
}

bool Play::common_mode() const {
  std::size_t candidates = 0, failing = 0;
  for (const auto& p : places_) {
    if (p.target->id == state_.active) continue;
    ++candidates;
    failing += p.look && !p.look->reachable ? 1 : 0;
  }
  return detect::common_mode(true, candidates, failing);
}

/// As the orchestrator accounts for it.
void Play::note_spending() {
  if (!service_.budget.per_month) return;
  std::vector<policy::Meter::Rate> rates;
  for (const auto& p : places_) {
    if (p.target->id != service_.primary)
      rates.push_back({p.target->id, p.assumed->price, p.target->id == state_.active && state_.running});
  }
  meter_.pass(clock_.now(), rates);
  for (const auto& [target, amount] : meter_.take()) spent_this_month_ += amount;
}

void Play::month_ends() {
  note_spending();
  spent_this_month_ = {};
  clock_.at(Time(next_month(wall(clock_.now())) - wall(Time())), [this] { month_ends(); });
}

}  // namespace understudy::rehearse
