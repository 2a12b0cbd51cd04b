#include "core/rehearse/alternatives.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace understudy::rehearse {
namespace {

constexpr std::string_view objectives[] = {"expected_cost", "cheapest", "fastest", "ordered"};

/// Of the service, and of each target that says its own.
template <class Change>
void change_detection(config::Service& service, Change change) {
  change(service.detect);
  for (auto& t : service.targets) {
    if (t.detect) change(*t.detect);
  }
}

void add_objectives(std::vector<Alternative>& out, const Alternative& base) {
  if (base.service.targets.size() < 3) return;  // nothing to choose between
  for (int i = 0; i < static_cast<int>(std::size(objectives)); ++i) {
    if (i == static_cast<int>(base.service.objective)) continue;
    auto& a = out.emplace_back(base);
    a.name = fmt::format("objective = \"{}\"", objectives[i]);
    a.service.objective = static_cast<config::Objective>(i);
  }
}

void add_falls(std::vector<Alternative>& out, const Alternative& base) {
  for (const int by : {-1, +1}) {
    if (base.service.detect.fall + by < 1) continue;
    auto& a = out.emplace_back(base);
    a.name = fmt::format("fall = {}", base.service.detect.fall + by);
    change_detection(a.service, [by](config::Detect& d) { d.fall = std::max(1, d.fall + by); });
  }
}

std::string seconds(Millis time) {
  return time.count() % 1000 == 0 ? fmt::format("{}s", time.count() / 1000) : fmt::format("{}ms", time.count());
}

void add_intervals(std::vector<Alternative>& out, const Alternative& base) {
  for (const double factor : {0.5, 2.0}) {
    const auto scaled = [factor](Millis time) {
      return std::max(Millis(10), Millis(static_cast<std::int64_t>(static_cast<double>(time.count()) * factor)));
    };
    auto& a = out.emplace_back(base);
    a.name = fmt::format("interval = \"{}\"", seconds(scaled(base.service.detect.interval)));
    change_detection(a.service, [&](config::Detect& d) {
      d.interval = scaled(d.interval);
      d.fast_interval = std::min(d.fast_interval, d.interval);
    });
  }
}

/// Quicker, and paid for all the time. What its starts took so far tells nothing of it then.
bool keep_warm(Alternative& a, std::size_t i) {
  auto& assumed = a.assumptions.targets[i];
  auto& target = a.service.targets[i];
  const bool known = assumed.warm_per_hour.value > 0 && assumed.warm_ready_in < assumed.ready_in(target.declared) &&
                     assumed.price.standby_per_hour < assumed.warm_per_hour;
  if (target.id == a.service.primary || !known) return false;
  assumed.price.standby_per_hour = assumed.warm_per_hour;
  assumed.history.clear();
  target.declared.ready_in = assumed.warm_ready_in;
  return true;
}

void add_warm(std::vector<Alternative>& out, const Alternative& base) {
  for (std::size_t i = 0; i < base.service.targets.size(); ++i) {
    Alternative a = base;
    if (!keep_warm(a, i)) continue;
    a.name = fmt::format("{} kept warm", base.service.targets[i].id.value);
    out.push_back(std::move(a));
  }
}

/// What a place could offer and does not.
void add_offers(std::vector<Alternative>& out, const Alternative& base) {
  if (base.service.targets.size() < 2) return;
  const auto primary = std::ranges::find(base.service.targets, base.service.primary, &config::Target::id);
  const auto i = static_cast<std::size_t>(primary - base.service.targets.begin());
  if (primary->ready.empty()) {
    auto& a = out.emplace_back(base);
    a.name = fmt::format("{} with ready checks", primary->id.value);
    a.service.targets[i].ready.emplace_back();
  }
  if (!primary->lease) {
    auto& a = out.emplace_back(base);
    a.name = fmt::format("{} with a lease", primary->id.value);
    a.service.targets[i].lease = true;
  }
  if (!base.assumptions.reference) {
    auto& a = out.emplace_back(base);
    a.name = "network.reference checks";
    a.assumptions.reference = true;
  }
}

void add_alone(std::vector<Alternative>& out, const Alternative& base) {
  if (base.service.targets.size() < 2) return;
  Alternative a{"no standby", base.service, base.assumptions, true, 0};
  const auto home = std::ranges::find(base.service.targets, base.service.primary, &config::Target::id);
  a.primary = static_cast<std::size_t>(home - base.service.targets.begin());
  a.service.targets = {*home};
  a.assumptions.targets = {base.assumptions.targets[a.primary]};
  out.push_back(std::move(a));
}

/// What is left of the faults when only the primary is there.
std::vector<Fault> faults_of_one(const std::vector<Fault>& faults, std::size_t primary) {
  std::vector<Fault> out;
  for (Fault f : faults) {
    if (f.what != Fault::What::our_network && f.target != primary) continue;
    f.target = 0;
    out.push_back(f);
  }
  return out;
}

}  // namespace

Alternative as_it_is(const config::Service& service, const Assumptions& assumptions) {
  return {"as it is", service, assumptions, false, 0};
}

std::vector<Alternative> alternatives(const config::Service& service, const Assumptions& assumptions) {
  std::vector<Alternative> out{as_it_is(service, assumptions)};
  const Alternative base = out.front();
  add_objectives(out, base);
  add_falls(out, base);
  add_intervals(out, base);
  add_warm(out, base);
  add_offers(out, base);
  add_alone(out, base);
  return out;
}

Report rehearse(const Alternative& a, const std::vector<Fault>& faults, Micros length, std::uint64_t seed) {
  if (!a.alone) return rehearse(a.service, a.assumptions, faults, length, seed);
  return rehearse(a.service, a.assumptions, faults_of_one(faults, a.primary), length, seed);
}

}  // namespace understudy::rehearse
