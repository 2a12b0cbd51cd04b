// A Plan for people and for programs.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/policy/plan.hpp"

namespace understudy::policy {
namespace {

constexpr std::string_view objective_names[] = {"expected_cost", "cheapest", "fastest", "ordered"};

std::string seconds(Millis ms) {
  const double s = static_cast<double>(ms.count()) / 1000;
  if (s < 120) return fmt::format("{:.1f} s", s);
  if (s < 7200) return fmt::format("{:.1f} min", s / 60);
  return fmt::format("{:.1f} h", s / 3600);
}

std::string money(Usd usd) {
  return usd.value != 0 && std::abs(usd.value) < 0.01 ? fmt::format("${:.5f}", usd.value)
                                                      : fmt::format("${:.3f}", usd.value);
}

std::string evidence(const Readiness& r) {
  if (r.samples == 0) return fmt::format("{} (declared)", seconds(r.mean));
  return fmt::format("{} (n {}, p50 {}, p95 {})", seconds(r.mean), r.samples, seconds(r.p50), seconds(r.p95));
}

}  // namespace

std::string Plan::summary() const {
  if (ranked.empty()) return why_empty();
  const auto& a = ranked.front();
  std::string out = fmt::format("{}: {} expected, ready in {}, {:.0f} % likely to start", a.target.value,
                                money(a.total), seconds(a.readiness.mean), a.readiness.success * 100);
  if (ranked.size() > 1) out += fmt::format("; then {} at {}", ranked[1].target.value, money(ranked[1].total));
  return out;
}

std::string Plan::why_empty() const {
  if (excluded.empty()) return "there is no other target in the file";
  std::string out;
  for (const auto& e : excluded) out += (out.empty() ? "" : "; ") + e.target.value + ": " + e.text;
  return out;
}

nlohmann::json to_json(const Plan& plan) {
  using Json = nlohmann::json;
  Json out = {{"objective", objective_names[static_cast<int>(plan.objective)]},
              {"expected_outage_ms", plan.outage.count()},
              {"outage_samples", plan.outage_samples},
              {"failback_dwell_ms", plan.failback_dwell.count()},
              {"downtime_cost_usd_per_hour", plan.downtime_cost_per_hour.value},
              {"ranked", Json::array()},
              {"excluded", Json::array()},
              {"notes", plan.notes},
              {"summary", plan.summary()}};
  for (const auto& r : plan.ranked) {
    out["ranked"].push_back({{"target", r.target.value},
                             {"total_usd", r.total.value},
                             {"terms_usd",
                              {{"silence", r.silence.value},
                               {"run", r.run.value},
                               {"activation", r.activation.value},
                               {"transfer", r.transfer.value},
                               {"failure", r.failure.value}}},
                             {"ready_ms", r.readiness.mean.count()},
                             {"ready_p50_ms", r.readiness.p50.count()},
                             {"ready_p95_ms", r.readiness.p95.count()},
                             {"samples", r.readiness.samples},
                             {"success", r.readiness.success},
                             {"attempts", r.readiness.attempts},
                             {"price_source", r.price_source},
                             {"price_date", r.price_date}});
  }
  for (const auto& e : plan.excluded)
    out["excluded"].push_back({{"target", e.target.value}, {"reason", e.reason}, {"text", e.text}});
  return out;
}

std::string render(const Plan& plan) {
  std::string out = fmt::format(
      "objective {}; an hour of silence costs {}; expected outage {} ({}){}\n\n",
      objective_names[static_cast<int>(plan.objective)], money(plan.downtime_cost_per_hour), seconds(plan.outage),
      plan.outage_samples == 0 ? "declared" : fmt::format("{} seen", plan.outage_samples),
      plan.failback_dwell == Millis(0) ? ""
                                       : fmt::format(", then {} until it goes home", seconds(plan.failback_dwell)));
  out += fmt::format("{:>2}  {:<16} {:>10} = {:>9} {:>9} {:>9} {:>9} {:>9}   {:>7}  {}\n", "#", "target", "expected",
                     "silence", "running", "start fee", "transfer", "if fails", "starts", "ready in");
  int place = 0;
  for (const auto& r : plan.ranked) {
    out += fmt::format("{:>2}  {:<16} {:>10} = {:>9} {:>9} {:>9} {:>9} {:>9}   {:>5.0f} %  {}\n", ++place,
                       r.target.value, money(r.total), money(r.silence), money(r.run), money(r.activation),
                       money(r.transfer), money(r.failure), r.readiness.success * 100, evidence(r.readiness));
  }
  if (plan.ranked.empty()) out += "    nobody\n";
  for (const auto& r : plan.ranked) {
    if (!r.price_source.empty())
      out += fmt::format("    price of {}: {}{}\n", r.target.value, r.price_source,
                         r.price_date.empty() ? "" : " (" + r.price_date + ")");
  }
  if (!plan.excluded.empty()) out += "\nleft out:\n";
  for (const auto& e : plan.excluded) out += fmt::format("    {:<16} {} ({})\n", e.target.value, e.text, e.reason);
  for (const auto& n : plan.notes) out += "\n" + n + "\n";
  return out;
}

}  // namespace understudy::policy
