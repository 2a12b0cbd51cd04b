// The [service.NAME] tables.
#include <algorithm>
#include <iterator>

#include "core/config/reader.hpp"
#include "core/config/spans.hpp"
#include "core/config/units.hpp"
#include "core/config/week.hpp"

namespace understudy::config {
namespace {

Detect read_detect(Section& s, Detect d) {
  s.read("interval", d.interval, Millis(10), day);
  if (!s.has("fast_interval") && d.fast_interval > d.interval) d.fast_interval = d.interval;
  s.read("fast_interval", d.fast_interval, Millis(10), day);
  s.read("timeout", d.timeout, Millis(1), Millis(600'000));
  s.read("fall", d.fall, 1, 1000);
  s.read("rise", d.rise, 1, 1000);
  s.read("k", d.k, 1, 1000);
  s.read("start_grace", d.start_grace, Millis(0), day);
  s.read("jitter", d.jitter, 0.0, 0.5);
  s.read("flap_window", d.flap_window, Millis(1000), day);
  s.read("flap_max", d.flap_max, 1, 1000);
  s.read("degraded_is_up", d.degraded_is_up);
  if (const auto c = s.choice("combine", {"chain", "any", "all", "k_of_n"})) d.combine = static_cast<Combine>(*c);
  if (d.fast_interval > d.interval)
    s.wrong("fast_interval", "E0109", "fast_interval is longer than interval",
            "it is used once a probe has failed, so it must not be slower");
  s.finish();
  return d;
}

void read_price(Section& target, PriceOverride& price) {
  const auto* table = target.table("price");
  if (table == nullptr) return;
  Section s(target.reading(), *table, target.name() + ".price");
  const auto money = [&](std::string_view key, std::optional<Usd>& out) {
    Usd value;
    const bool present = s.has(key);
    s.read(key, value);
    if (present) out = value;
  };
  money("standby_per_hour", price.standby_per_hour);
  money("active_per_hour", price.active_per_hour);
  money("activation", price.activation);
  money("transfer_per_gb", price.transfer_per_gb);
  Millis billed{0};
  s.read("min_billing", billed, Millis(0), year);
  if (s.has("min_billing")) price.min_billing = std::chrono::duration_cast<std::chrono::seconds>(billed);
  price.place = target.reading().place(target.where("price"), "price");
  s.finish();
}

/// Each is saved and put back as one: none may be, or lie in, another.
void check_apart(Section& s, const std::vector<std::filesystem::path>& paths) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (std::size_t j = 0; j < paths.size(); ++j) {
      const auto inner = paths[j].lexically_relative(paths[i]);
      if (i == j || inner.empty() || *inner.begin() == ".." || (inner == "." && j < i)) continue;
      s.wrong("paths", "E0109",
              paths[j].string() + (inner == "." ? " is named twice" : " lies in " + paths[i].string()),
              "name each folder or file of the state once, and the outer one only");
    }
  }
}

Target read_target(Reading& reading, const std::string& service, const std::string& name, const toml::table& table,
                   const Detect& inherited, int order) {
  Section s(reading, table, "service." + service + ".target." + name);
  Target t;
  t.id = TargetId(name);
  t.order = order;
  t.use = read_use(s, "target");
  t.health = read_uses(s, "health", "health");
  t.ready = read_uses(s, "ready", "health");
  t.drill_health = read_uses(s, "drill_health", "health");
  s.read_paths("paths", t.paths);
  check_apart(s, t.paths);
  s.read("region", t.region);
  s.read("failure_domain", t.failure_domain);
  read_price(s, t.price);
  if (const auto* declared = s.table("declared")) {
    Section d(reading, *declared, s.name() + ".declared");
    d.read("ready_in", t.declared.ready_in, Millis(0), day);
    d.read("success", t.declared.success, 0.0, 1.0);
    d.finish();
  }
  if (const auto* rehearse = s.table("rehearse")) {
    Section r(reading, *rehearse, s.name() + ".rehearse");
    t.rehearse = read_rehearsed_target(r);
  }
  s.read("order", t.order, 0, 1'000'000);
  if (const auto* detect = s.table("detect")) {
    Section d(reading, *detect, s.name() + ".detect");
    t.detect = read_detect(d, inherited);
  }
  s.read("activate_timeout", t.activate_timeout, Millis(100), day);
  s.read("deactivate_timeout", t.deactivate_timeout, Millis(100), day);
  s.read("stop_grace", t.stop_grace, Millis(0), day);
  s.read("lease", t.lease);
  t.place = reading.place(table.source(), name);
  const Detect& d = t.detect ? *t.detect : inherited;
  if (d.combine == Combine::k_of_n && d.k > static_cast<int>(std::max<std::size_t>(1, t.health.size()))) {
    reading.report(
        "E0109", table.source(), name,
        "target " + name + " has " + std::to_string(t.health.size()) + " health checks but k = " + std::to_string(d.k),
        "lower k or add checks");
  }
  s.finish();
  return t;
}

void read_limits(Section& s, Limits& l) {
  s.read("max_failovers", l.max_failovers, 1, 10'000);
  s.read("window", l.window, Millis(1000), year);
  s.read("breaker_failures", l.breaker_failures, 1, 1000);
  s.read("breaker_open", l.breaker_open, Millis(100), day);
  s.read("retry_initial", l.retry_initial, Millis(10), day);
  s.read("retry_max", l.retry_max, Millis(10), day);
  s.read("fence_timeout", l.fence_timeout, Millis(100), day);
  s.read("plan_timeout", l.plan_timeout, Millis(100), day);
  s.read("remind_every", l.remind_every, Millis(1000), year);
  s.finish();
}

void read_lease(Section& s, Service& out) {
  auto& l = out.lease;
  s.read("ttl", l.ttl, Millis(200), Millis(3'600'000));
  s.read("renew_every", l.renew_every, Millis(10), Millis(3'600'000));
  s.read("op_timeout", l.op_timeout, Millis(10), Millis(600'000));
  s.read("kill_time", l.kill_time, Millis(10), lease::longest_kill_time);
  s.read("clock_error", l.clock_error, 0.0, 0.2);
  s.read("margin", l.margin, Millis(0), Millis(600'000));
  if (const auto key = read_secret_ref(s, "key")) out.lease_key = *key;
  if (const auto problem = lease::problem_of(l))
    s.wrong("ttl", "E0109", *problem,
            "a longer ttl, or shorter waits; the longer the ttl, the longer a failover from an unreachable site");
  s.finish();
}

void read_spans(Section& s, std::string_view key, std::vector<WeekSpan>& out) {
  std::vector<std::string> texts;
  s.read(key, texts);
  for (const auto& text : texts) {
    const auto spans = week_spans_from(text);
    if (!spans) {
      s.wrong(key, "E0104", "\"" + text + "\" is no span of the week",
              "write it as \"fri 16:00 - mon 08:00\", \"mon-fri 10:00-16:00\", \"22:00-06:00\" or \"sat-sun\"");
      continue;
    }
    out.insert(out.end(), spans->begin(), spans->end());
  }
}

void read_drill(Section& s, Drill& out) {
  if (const auto m = s.choice("mode", {"isolated", "switchover"})) out.mode = static_cast<Drill::Mode>(*m);
  Millis every{0};
  s.read("every", every, Millis(1000), year);
  if (s.has("every")) out.every = every;
  read_spans(s, "window", out.window);
  std::vector<std::string> targets;
  s.read("targets", targets);
  for (auto& name : targets) out.targets.emplace_back(std::move(name));
  Millis warn = out.warn_after.value_or(Millis(0));
  s.read("warn_after", warn, Millis(0), 10 * year);
  out.warn_after = warn.count() > 0 ? std::optional(warn) : std::nullopt;
  s.read("stay", out.stay, Millis(0), day);
  s.finish();
}

/// Calls `fn` with the sub-table as a Section, when it is there.
template <class Fn>
void with_table(Section& parent, const char* key, Fn fn) {
  if (const auto* table = parent.table(key)) {
    Section s(parent.reading(), *table, parent.name() + "." + key);
    fn(s);
  }
}

void read_targets(Section& s, Service& out) {
  const auto* targets = s.table("target");
  if (targets == nullptr || targets->empty())
    return s.missing("target", "at least one [service." + out.id.value + ".target.NAME]");
  auto found = named_tables(s.reading(), *targets, "target");
  // The parser's tables are sorted by name; people mean the order of the file.
  std::ranges::stable_sort(found, {}, [](const auto& entry) { return entry.second->source().begin.line; });
  int order = 0;
  for (const auto& [key, table] : found)
    out.targets.push_back(read_target(s.reading(), out.id.value, std::string(key->str()), *table, out.detect, order++));
}

/// A schedule that cannot drill whom it names, or nobody at all, would pass for one that does.
void check_schedule(Section& s, const Service& out) {
  const auto& drill = out.drill;
  std::vector<const Target*> wanted, unable;
  for (const auto& t : out.targets) {
    const bool named = drill.targets.empty() || std::ranges::find(drill.targets, t.id) != drill.targets.end();
    if (named && t.id != out.primary) wanted.push_back(&t);
  }
  if (wanted.empty() && !drill.targets.empty())
    return s.wrong("targets", "W0202",
                   "the schedule drills nobody while the service is at home: targets names no standby",
                   "name standbys, or leave targets out for all of them");
  if (drill.mode != Drill::Mode::isolated) return;
  std::ranges::copy_if(wanted, std::back_inserter(unable), [&](const Target* t) {
    return !s.reading().schemas->offers(t->use.plugin, "target", "drill.start/1");
  });
  if (unable.empty() || (drill.targets.empty() && unable.size() < wanted.size())) return;
  std::string names;
  for (const auto* t : unable) names += (names.empty() ? "" : ", ") + t->id.value + " (" + t->use.plugin + ")";
  s.wrong(s.has("targets") ? "targets" : "every", "W0202",
          "the schedule does not drill " + names + ": the plugin cannot run a copy beside the service",
          "mode = \"switchover\" moves the service there and back instead");
}

void check_drill(Section& s, const Service& out, std::span<const std::string> names) {
  for (const auto& id : out.drill.targets) {
    if (out.find(id) != nullptr) continue;
    const auto near = nearest(id.value, names);
    s.wrong("targets", "E0107", "drill.targets names \"" + id.value + "\", which is no target of this service",
            near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
  if (out.drill.every && s.reading().schemas != nullptr) check_schedule(s, out);
}

/// Whether such a target is left behind or waited for is a decision of its own: two may run, or nobody.
void check_unfenceable(Section& s, const Service& out) {
  if (s.has("on_unfenceable") || s.reading().schemas == nullptr || out.targets.size() < 2) return;
  std::string names;
  for (const auto& t : out.targets) {
    if (t.lease || s.reading().schemas->offers(t.use.plugin, "target", "standby.deactivate/1")) continue;
    names += (names.empty() ? "" : ", ") + t.id.value + " (" + t.use.plugin + ")";
  }
  if (names.empty()) return;
  s.reading().report("E0105", s.where("primary"), "",
                     s.name() + " needs on_unfenceable: nothing makes certain that " + names +
                         " has ended, neither a stop by its plugin nor a lease",
                     "write on_unfenceable = \"hold\" (a person ends it, and nobody serves until then) or \"promote\" "
                     "(two may run); or give it a lease (docs/leases.md)");
}

void check_service(Section& s, const Service& out) {
  std::vector<std::string> names;
  for (const auto& t : out.targets) names.push_back(t.id.value);
  if (out.primary.empty()) {
    s.missing("primary", "which target runs the service when all is well");
  } else if (out.find(out.primary) == nullptr && !names.empty()) {
    const auto near = nearest(out.primary.value, names);
    s.wrong("primary", "E0107", "primary = \"" + out.primary.value + "\" is no target of this service",
            near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
  const auto leased = std::ranges::find_if(out.targets, &Target::lease);
  if (leased != out.targets.end() && out.lease_key.name.empty())
    s.reading().report("E0105", s.where(s.has("lease") ? "lease" : "primary"), "",
                       s.name() + ".lease needs key: what the agent at " + leased->id.value + " shows when it renews",
                       "write key = { env = \"NAME\" } in [service." + out.id.value + ".lease]");
  if (leased != out.targets.end() && !s.reading().agents_reach_us)
    s.reading().report(
        "W0203", s.where("primary"), "",
        "target " + leased->id.value +
            " says lease = true, but [orchestrator] has no lease_listen: no agent of another host reaches it",
        "write lease_listen = \"ADDRESS:8751\" in [orchestrator], an address of this host; right only where "
        "something brings agents to the socket");
  if (out.drill.every || !out.drill.targets.empty())
    with_table(s, "drill", [&](Section& d) { check_drill(d, out, names); });
  check_unfenceable(s, out);
  for (const auto& t : out.targets) {
    if (t.paths.empty() || !out.state || t.id == out.primary) continue;
    if (t.paths.size() != out.state->paths.size()) {
      s.reading().report("E0109", s.raw().source(), "",
                         "target " + t.id.value + " has " + std::to_string(t.paths.size()) +
                             " paths, but the state of the service has " + std::to_string(out.state->paths.size()),
                         "they correspond one to one, in order (" + t.place.file + ":" + std::to_string(t.place.line) +
                             " and line " + std::to_string(out.state->place.line) + ")");
    }
  }
}

}  // namespace

State read_state(Section& s, bool paths_needed) {
  State out;
  out.store = read_use(s, "state");
  s.read_paths("paths", out.paths);
  check_apart(s, out.paths);
  s.read("every", out.every, Millis(1000), year);
  Millis age{0};
  s.read("max_age", age, Millis(1000), year);
  if (s.has("max_age")) out.max_age = age;
  if (const auto* keep = s.table("keep")) {
    Section k(s.reading(), *keep, s.name() + ".keep");
    k.read("days", out.keep_days, 0, 36500);
    k.read("at_least", out.keep_at_least, 1, 1'000'000);
    k.finish();
  }
  s.read("save_on_failover", out.save_on_failover);
  s.read("save_timeout", out.save_timeout, Millis(100), day);
  out.place = s.reading().place(s.where(), "state");
  if (out.paths.empty() && paths_needed) s.missing("paths", "the folders or files that are the service's state");
  s.finish();
  return out;
}

Service read_service(Reading& reading, const std::string& name, const toml::table& table) {
  Section s(reading, table, "service." + name);
  Service out;
  out.id = ServiceId(name);
  std::string primary;
  s.read("primary", primary);
  out.primary = TargetId(primary);
  s.read("downtime_cost_per_hour", out.downtime_cost_per_hour);
  s.read("expected_outage", out.expected_outage, Millis(1000), year);
  s.read("observe_every", out.observe_every, Millis(100), day);
  if (const auto o = s.choice("objective", {"expected_cost", "cheapest", "fastest", "ordered"}))
    out.objective = static_cast<Objective>(*o);
  s.read("regions", out.regions);
  with_table(s, "budget", [&](Section& b) {
    for (const auto& [key, slot] :
         {std::pair{"per_month", &out.budget.per_month}, std::pair{"per_activation", &out.budget.per_activation}}) {
      Usd value;
      const bool present = b.has(key);
      b.read(key, value);
      if (present) *slot = value;
    }
    b.finish();
  });
  with_table(s, "detect", [&](Section& d) { out.detect = read_detect(d, out.detect); });
  with_table(s, "state", [&](Section& st) { out.state = read_state(st, false); });
  with_table(s, "failback", [&](Section& f) {
    if (const auto p = f.choice("policy", {"auto", "manual"}))
      out.failback.policy = *p == 0 ? Failback::Policy::automatic : Failback::Policy::manual;
    f.read("stable_for", out.failback.stable_for, Millis(0), year);
    read_spans(f, "freeze", out.failback.freeze);
    f.finish();
  });
  with_table(s, "lease", [&](Section& l) { read_lease(l, out); });
  if (const auto u = s.choice("on_unfenceable", {"hold", "promote"}))
    out.on_unfenceable = *u == 0 ? Unfenceable::hold : Unfenceable::promote;
  with_table(s, "drill", [&](Section& d) { read_drill(d, out.drill); });
  with_table(s, "limits", [&](Section& l) { read_limits(l, out.limits); });
  read_targets(s, out);
  if (out.state) {
    for (auto& t : out.targets) {
      if (t.id == out.primary && t.paths.empty()) t.paths = out.state->paths;
    }
  }
  out.place = reading.place(table.source(), name);
  check_service(s, out);
  s.finish();
  return out;
}

}  // namespace understudy::config
