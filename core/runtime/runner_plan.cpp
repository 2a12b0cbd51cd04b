// The inputs of the policy engine, gathered; and the service as status shows it.
#include <nlohmann/json.hpp>

#include "core/policy/price.hpp"
#include "core/runtime/drill.hpp"

namespace understudy::runtime {
namespace {

constexpr int history_used = 50;
constexpr int look_may_miss = 3;  ///< observations missed before a control plane counts as silent

WallTime month_start(WallTime at) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(at));
  return WallTime(std::chrono::sys_days(day.year() / day.month() / 1));
}

}  // namespace

Price ServiceRunner::price_of(const Place& p) const {
  return policy::with_overrides(p.quote.value_or(Price{}), p.target->price);
}

policy::Candidate ServiceRunner::candidate(const Place& p, const failover::MakePlan& ask) const {
  const auto& t = *p.target;
  policy::Candidate c;
  c.target = t.id;
  c.price = price_of(p);
  c.declared = t.declared;
  c.history = wiring_.journal.activations(service_.id, t.id, history_used);
  c.region = t.region;
  c.failure_domain = t.failure_domain;
  c.order = t.order;
  if (!p.instance) {
    c.answers = false;
    c.why_not = "its plugin is not loaded";
  } else if (p.look) {
    const bool old = wall_now() - p.look->at > service_.observe_every * look_may_miss + Millis(15'000);
    c.answers = p.look->reachable && !old;
    c.why_not = old ? "no answer for some time" : p.look->detail;
  } else {
    c.answers = false;
    c.why_not = "it has not answered yet";
  }
  if (p.ready_probe && prober_.detector(*p.ready_probe).verdict() == Verdict::down) {
    c.answers = false;
    c.why_not = "it is not ready: " + prober_.detector(*p.ready_probe).cause();
  }
  const auto breaker = state_.breakers.find(t.id);
  c.breaker_open =
      breaker != state_.breakers.end() && breaker->second.open_until && *breaker->second.open_until > mono_now();
  c.last_resort = t.id == ask.failed || p.changing;  // it could be asked to start only when a drill of it has ended
  if (t.id == ask.failed && !ask.desperate) {
    c.excluded = true;
    c.excluded_reason = "failed";
    c.excluded_why = state_.running ? "it is the one that runs now" : "it is the one that failed";
  } else if (std::ranges::find(ask.exclude, t.id) != ask.exclude.end()) {
    c.excluded = true;
    c.excluded_reason = "tried";
    c.excluded_why = "it was tried in this move";
  }
  return c;
}

std::int64_t ServiceRunner::state_bytes() const {
  const auto newest = service_.state ? wiring_.journal.newest_snapshot(service_.id) : std::nullopt;
  return newest ? newest->bytes : 0;
}

policy::Plan ServiceRunner::plan(const failover::MakePlan& ask) const {
  policy::Situation s;
  s.downtime_cost_per_hour = service_.downtime_cost_per_hour;
  s.objective = service_.objective;
  s.regions = service_.regions;
  s.budget = service_.budget;
  if (s.budget.per_month)
    s.spent_this_month = wiring_.journal.spent_since(service_.id, service_.primary, month_start(wall_now()));
  s.expected_outage = service_.expected_outage;
  s.past_outages = wiring_.journal.outages(service_.id, service_.primary, history_used);
  s.failback_dwell = service_.failback.dwell();
  s.state_bytes = state_bytes();
  if (const auto* failed = service_.find(ask.failed); failed != nullptr && !ask.desperate)
    s.failed_domain = failed->failure_domain;
  s.ignore_breakers = ask.desperate;
  std::vector<policy::Candidate> candidates;
  for (const auto& [id, p] : places_) candidates.push_back(candidate(*p, ask));
  return policy::make_plan(s, candidates);
}

policy::Plan ServiceRunner::plan_if_failed_now() const { return plan({state_.active, {}, false}); }

std::size_t ServiceRunner::idle_candidates(std::size_t& failing) const {
  std::size_t out = 0;
  for (const auto& [id, p] : places_) {
    if (id == state_.active) continue;
    ++out;
    failing += p->look && !p->look->reachable && !p->look->refused ? 1 : 0;
  }
  return out;
}

FenceOffer ServiceRunner::fence_offer(const config::Target& target) const {
  const auto& p = *places_.at(target.id);
  return fence_offer_of(service_, target, state_, p.instance && p.instance->offers("standby.deactivate/1"));
}

nlohmann::json ServiceRunner::status() const {
  using Json = nlohmann::json;
  const auto& s = state_;
  const auto at = wall_now();
  Json out = {{"service", service_.id.value},
              {"phase", failover::to_string(s.phase)},
              {"since_ms", ms(s.since)},
              {"index", s.index},
              {"active", s.active.value},
              {"running", s.running},
              {"epoch", s.epoch.value},
              {"primary", service_.primary.value},
              {"verdict", "unknown"},
              {"pause", nullptr},
              {"blocked", nullptr},
              {"move", nullptr},
              {"last_move", nullptr},
              {"snapshot", nullptr},
              {"home", nullptr},
              {"drill", drill_->shown()},
              {"failovers_in_window", s.failovers.size()},
              {"targets", Json::array()}};
  if (s.home_ok_since && s.active != service_.primary) {
    const auto frozen = free_again_in(service_.failback.freeze, minute_of_week(at, utc_offset(at)));
    out["home"] = {{"well_for_ms", std::chrono::duration_cast<Millis>(mono_now() - *s.home_ok_since).count()},
                   {"frozen_for_ms", frozen ? Json(Millis(std::chrono::minutes(*frozen)).count()) : Json()}};
  }
  if (s.pause) out["pause"] = {{"until_ms", ms(s.pause->until)}, {"who", s.pause->who}, {"reason", s.pause->reason}};
  if (s.blocked)
    out["blocked"] = {{"by", s.blocked->by},
                      {"text", s.blocked->text},
                      {"since_ms", ms(s.blocked->since)},
                      {"unblock", s.blocked->unblock}};
  if (s.move) {
    out["move"] = {{"id", s.move->id},
                   {"kind", failover::to_string(s.move->kind)},
                   {"from", s.move->origin.value},
                   {"to", s.move->to.value},
                   {"attempt", s.move->attempt},
                   {"reason", s.move->reason},
                   {"started_ms", ms(s.move->started.wall)},
                   {"lease_over_in_ms", nullptr}};
    if (s.move->lease_over && s.move->fence != failover::Part::done)
      out["move"]["lease_over_in_ms"] =
          std::max<std::int64_t>(0, std::chrono::duration_cast<Millis>(*s.move->lease_over - mono_now()).count());
  }
  if (s.last_move) {
    const auto& l = *s.last_move;
    out["last_move"] = {
        {"id", l.id},         {"kind", failover::to_string(l.kind)}, {"from", l.from.value},   {"to", l.to.value},
        {"result", l.result}, {"took_ms", l.took.count()},           {"ended_ms", ms(l.ended)}};
  }
  if (service_.state) {
    if (const auto snap = wiring_.journal.newest_snapshot(service_.id)) {
      out["snapshot"] = {{"id", snap->id.value},
                         {"epoch", snap->epoch.value},
                         {"created_ms", ms(snap->created)},
                         {"age_ms", (at - snap->created).count()},
                         {"bytes", snap->bytes}};
    }
  }
  for (const auto& t : service_.targets) {
    const auto& p = *places_.at(t.id);
    const bool active = t.id == s.active;
    Json row = {{"target", t.id.value},
                {"role", t.id == service_.primary ? "primary" : "standby"},
                {"active", active && s.running},
                {"plugin", t.use.plugin},
                {"verdict", "unknown"},
                {"cause", ""},
                {"flapping", false},
                {"latency_us", 0},
                {"checks", Json::array()},
                {"observed", nullptr},
                {"breaker", nullptr}};
    if (p.health_probe && active && prober_.watches(*p.health_probe)) {
      const auto& d = prober_.detector(*p.health_probe);
      row["verdict"] = to_string(d.verdict());
      row["cause"] = d.cause();
      row["flapping"] = d.flapping();
      row["latency_us"] = d.latency().count();
      row["checks"] = prober_.last_checks(*p.health_probe);
      out["verdict"] = to_string(d.verdict());
    }
    if (p.look) {
      row["observed"] = {{"state", p.look->state},
                         {"detail", p.look->detail},
                         {"reachable", p.look->reachable},
                         {"age_ms", (at - p.look->at).count()}};
      if (p.look->epoch) row["observed"]["epoch"] = *p.look->epoch;
    }
    row["fence"] = to_json(fence_offer(t));
    if (const auto b = s.breakers.find(t.id); b != s.breakers.end()) {
      row["breaker"] = {{"failures", b->second.failures},
                        {"open", b->second.open_until && *b->second.open_until > mono_now()}};
    }
    row["drill"] = drill_->shown_of(t.id);
    out["targets"].push_back(std::move(row));
  }
  return out;
}

}  // namespace understudy::runtime
