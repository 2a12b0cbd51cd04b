// Making a service's plugin instances and probes.
#include "core/answers/target.hpp"
#include "core/host/secrets.hpp"
#include "core/runtime/service_runner.hpp"

namespace understudy::runtime {
namespace {
constexpr Millis watch_budget{10'000};
constexpr Millis quote_budget{60'000};

std::string index_name(const std::string& base, const char* what, std::size_t i) {
  return base + "/" + what + "[" + std::to_string(i) + "]";
}
}  // namespace

std::vector<plugins::LoadError> ServiceRunner::build() {
  std::vector<plugins::LoadError> problems;
  for (const auto& target : service_.targets) build_place(target, problems);
  if (!service_.lease_key.name.empty()) {
    const auto key = host::read_secret(service_.lease_key, wiring_.log);
    if (!key.ok())
      problems.push_back({"[service." + service_.id.value + ".lease] key: " + key.error.message, key.error.hint});
    else
      lease_key_ = key.value.at("value").get<std::string>();
  }
  if (service_.state) {
    auto made = wiring_.registry.make(wiring_.for_plugins(), service_.state->store, "state",
                                      service_.id.value + "/state", service_.id.value, "");
    if (auto* error = std::get_if<plugins::LoadError>(&made)) {
      problems.push_back(*error);
    } else {
      const state::StateKeeper::Tools tools{wiring_.loop, wiring_.log,
                                            [this](const auto& snapshots) { remember(snapshots); }};
      keeper_ = std::make_unique<state::StateKeeper>(tools, service_,
                                                     config_.orchestrator.data_dir / "work" / service_.id.value,
                                                     std::move(std::get<std::unique_ptr<plugins::Instance>>(made)));
    }
  }
  return problems;
}

void ServiceRunner::build_place(const config::Target& target, std::vector<plugins::LoadError>& problems) {
  auto owned = std::make_unique<Place>();
  owned->target = &target;
  auto& p = *owned;
  places_.emplace(target.id, std::move(owned));
  const std::string name = service_.id.value + "/" + target.id.value;
  auto made =
      wiring_.registry.make(wiring_.for_plugins(), target.use, "target", name, service_.id.value, target.id.value);
  if (auto* error = std::get_if<plugins::LoadError>(&made)) {
    problems.push_back(*error);
    return;
  }
  p.instance = std::move(std::get<std::unique_ptr<plugins::Instance>>(made));
  build_checks(p, problems);
}

void ServiceRunner::build_checks(Place& p, std::vector<plugins::LoadError>& problems) {
  const auto& target = *p.target;
  const std::string name = service_.id.value + "/" + target.id.value;
  const auto& detect = target.detect ? *target.detect : service_.detect;
  const auto make_all = [&](const std::vector<config::PluginUse>& uses, const char* what,
                            std::vector<std::unique_ptr<plugins::Instance>>& into) {
    std::vector<CheckSource> sources;
    for (std::size_t i = 0; i < uses.size(); ++i) {
      auto made = wiring_.registry.make(wiring_.for_plugins(), uses[i], "health", index_name(name, what, i),
                                        service_.id.value, target.id.value);
      if (auto* error = std::get_if<plugins::LoadError>(&made)) {
        problems.push_back(*error);
        continue;
      }
      into.push_back(std::move(std::get<std::unique_ptr<plugins::Instance>>(made)));
      sources.push_back({into.back().get(), false, uses[i].plugin});
    }
    return sources;
  };
  auto sources = make_all(target.health, "health", p.health);
  if (target.health.empty())
    sources.push_back(
        {p.instance.get(), true, target.use.plugin, {{"service", service_.id.value}, {"target", target.id.value}}});
  p.health_probe =
      prober_.add(name, detect, std::move(sources),
                  [this, id = target.id](const detect::Detector& d, const detect::Detector::Change& change) {
                    if (change.flapping_began || change.flapping_ended) {
                      Alert alert;
                      alert.kind = "flapping";
                      alert.severity = Severity::warning;
                      alert.state = change.flapping_began ? AlertState::firing : AlertState::resolved;
                      alert.target = id;
                      alert.title = id.value + (change.flapping_began ? " keeps going up and down" : " has settled");
                      tell(std::move(alert));
                    }
                    if (change.blind_began || change.blind_ended) tell_blind(id, d.cause(), change.blind_began);
                    if (change.changed)
                      deliver(failover::HealthSeen{id, d.verdict(), d.failing(), d.cause(), last_pass(id)});
                    changed_();
                  });
  if (!target.ready.empty()) {
    p.ready_probe =
        prober_.add(name + "/ready", detect, make_all(target.ready, "ready", p.ready),
                    [this, id = target.id](const detect::Detector&, const detect::Detector::Change&) { observe(id); });
    prober_.set_mode(*p.ready_probe, Prober::Mode::serving);
  }
  (void)make_all(target.drill_health, "drill_health", p.drill_health);
  watch_hints(p);
}

void ServiceRunner::tell_blind(const TargetId& target, const std::string& cause, bool blind) {
  Alert alert;
  alert.kind = "detect.blind";
  alert.severity = blind ? Severity::warning : Severity::info;
  alert.state = blind ? AlertState::firing : AlertState::resolved;
  alert.target = target;
  alert.title = blind ? "the checks of " + target.value + " tell nothing: a failure there would not be noticed"
                      : "the checks of " + target.value + " tell something again";
  alert.text = blind ? cause : "";
  tell(std::move(alert));
}

void ServiceRunner::watch_hints(Place& p) {
  for (const auto& instance : p.health) {
    if (!instance->offers("health.watch/1")) continue;
    instance->on_notify([this, probe = *p.health_probe, alive = std::weak_ptr(alive_)](std::string_view topic,
                                                                                       const sdk::Json& params) {
      if (!alive.expired() && topic == "health.hint")
        prober_.hint(probe, params.value("reason", "something happened"), params.value("gone", false));
    });
    instance->call("health.watch/1", sdk::Json::object(), watch_budget,
                   [this, name = instance->name(), alive = std::weak_ptr(alive_)](const sdk::Result& result) {
                     if (!alive.expired() && !result.ok())
                       wiring_.log.write(host::Level::warning, name, "does not watch: " + result.error.message);
                   });
  }
}

void ServiceRunner::ask_quotes() {
  for (auto& [id, owned] : places_) {
    if (!owned->instance || !owned->instance->offers("standby.quote/1")) continue;
    owned->instance->call(
        "standby.quote/1", sdk::Json::object(), quote_budget,
        [p = owned.get(), &log = wiring_.log, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
          if (alive.expired() || !result.ok()) return;
          auto quote = answers::quote(result.value);
          p->quote = std::move(quote.price);
          for (const auto& what : quote.wrong)
            log.write(host::Level::warning, p->instance->name(),
                      "its quote has a " + what + " that cannot be: it counts as 0");
        });
  }
}

}  // namespace understudy::runtime
