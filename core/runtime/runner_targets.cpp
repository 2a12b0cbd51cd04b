// What people ask of one target beside moves: rollback, prewarm, diagnose, logs. What changes something is in the
// journal before it is tried, with who and why, and so is what came of it.
#include <algorithm>

#include <fmt/format.h>

#include "core/runtime/drill.hpp"

namespace understudy::runtime {
namespace {

using What = TargetRequest::What;
constexpr Millis diagnose_budget{60'000};
constexpr Millis logs_budget{30'000};

struct Verb {
  std::string_view name, method;
  bool changes;
};

Verb verb_of(What what) {
  switch (what) {
    case What::rollback: return {"rollback", "standby.rollback/1", true};
    case What::prewarm: return {"prewarm", "standby.prewarm/1", true};
    case What::logs: return {"logs", "standby.logs/1", false};
    case What::diagnose: break;
  }
  return {"diagnose", "target.diagnose/1", false};
}

sdk::Error refusal(sdk::Status status, std::string kind, std::string message, std::string hint) {
  return {status, std::move(message), std::move(hint), std::move(kind), {}};
}

/// What the history says of an answer.
std::string outcome_of(const TargetRequest& request, const sdk::Result& result, const std::string& error) {
  const std::string of = fmt::format("the {} of {}", verb_of(request.what).name, request.target.value);
  if (!result.ok())
    return of + (result.error.status == sdk::Status::unknown ? " has an unknown outcome: " : " failed: ") + error;
  const auto detail = result.value.value("detail", "");
  const auto more = detail.empty() ? std::string() : ": " + detail;
  if (request.what == What::rollback)
    return fmt::format("{} went back from {} to {}{}", request.target.value, result.value.value("from", "?"),
                       result.value.value("to", "?"), more);
  return of + (result.value.value("ready", false) ? " is done" : " left it cold") + more;
}

void redact(const host::Logger& log, sdk::Json& value) {
  if (value.is_string()) value = log.redact(value.get<std::string>());
  if (value.is_structured()) {
    for (auto& inner : value) redact(log, inner);
  }
}

/// What a plugin or its workload says may hold a secret that it was told.
sdk::Result clean(const host::Logger& log, sdk::Result result) {
  redact(log, result.value);
  result.error.message = log.redact(std::move(result.error.message));
  result.error.hint = log.redact(std::move(result.error.hint));
  return result;
}

}  // namespace

bool ServiceRunner::changing() const {
  return drill_->blocks_reload() ||
         std::ranges::any_of(places_, [](const auto& entry) { return entry.second->changing; });
}

std::optional<sdk::Error> ServiceRunner::why_not(const Place* p, const TargetRequest& request) const {
  using sdk::Status;
  const auto verb = verb_of(request.what);
  const auto& service = service_.id.value;
  const auto& target = request.target.value;
  if (p == nullptr) {
    std::string names;
    for (const auto& t : service_.targets) names += (names.empty() ? "" : ", ") + t.id.value;
    return refusal(Status::invalid, "no_such_target", fmt::format("service {} has no target \"{}\"", service, target),
                   "there are: " + names);
  }
  if (!p->instance || !p->instance->offers(verb.method)) {
    return refusal(Status::unsupported, "not_offered",
                   fmt::format("the plugin {} of {} does not offer {}", p->target->use.plugin, target, verb.name),
                   fmt::format("`understudy plugin info {}` says what it offers", p->target->use.plugin));
  }
  if (!verb.changes) return std::nullopt;
  if (!act())
    return refusal(Status::denied, "observe", "mode is \"observe\": nothing is touched",
                   "set mode = \"act\" and reload");
  if (state_.move)
    return refusal(Status::conflict, "busy", fmt::format("a move is under way ({})", failover::to_string(state_.phase)),
                   "understudy status shows it; ask again when it is done");
  if (p->changing)
    return refusal(Status::conflict, "busy", fmt::format("{} is being changed already", target),
                   fmt::format("understudy history {} says by whom", service));
  return std::nullopt;
}

void ServiceRunner::of_target(const TargetRequest& request, Reply reply) {
  auto* p = place(request.target);
  if (auto no = why_not(p, request)) return reply({{}, std::move(*no)});
  const auto verb = verb_of(request.what);
  if (verb.changes) return change(*p, request, std::move(reply));
  const bool logs = request.what == What::logs;
  const sdk::Json params = logs ? sdk::Json{{"lines", request.lines}}
                                : sdk::Json{{"service", service_.id.value}, {"target", request.target.value}};
  p->instance->call(
      verb.method, params, logs ? logs_budget : diagnose_budget,
      [&log = wiring_.log, reply = std::move(reply)](sdk::Result result) { reply(clean(log, std::move(result))); });
}

void ServiceRunner::change(Place& p, const TargetRequest& request, Reply reply) {
  const auto verb = verb_of(request.what);
  const auto at = wall_now();
  const auto operation =
      fmt::format("{}-{}-{}-{}", service_.id.value, request.target.value, verb.name, at.time_since_epoch().count());
  const auto asked =
      fmt::format("{} of {} (epoch {}) was asked for by {}{}{}", verb.name, request.target.value, state_.epoch.value,
                  request.by.who, request.by.reason.empty() ? "" : ": ", request.by.reason);
  const failover::Intent intent{operation, std::string(verb.name), request.target, state_.epoch};
  const failover::Note note{std::string(verb.name) + ".asked", Severity::info, request.target, asked};
  if (const auto problem = wiring_.journal.commit(
          {journal::MachineRecord{service_.id, at, intent}, journal::MachineRecord{service_.id, at, note}})) {
    return reply({{}, refusal(sdk::Status::transient, "journal", problem->message, problem->hint)});
  }
  wiring_.log.write(host::Level::info, service_.id.value, asked);
  p.changing = true;
  sdk::Json params = {{"service", service_.id.value}, {"target", request.target.value}, {"operation", operation}};
  if (request.what == What::rollback) params["epoch"] = state_.epoch.value;
  p.instance->call(verb.method, params, p.target->activate_timeout + p.target->deactivate_timeout,
                   [this, &p, request, operation, reply = std::move(reply), &log = wiring_.log,
                    alive = std::weak_ptr(alive_)](sdk::Result answer) {
                     const auto result = clean(log, std::move(answer));
                     if (!alive.expired()) change_ended(p, request, operation, result);
                     reply(result);
                   });
}

void ServiceRunner::change_ended(Place& p, const TargetRequest& request, const std::string& operation,
                                 const sdk::Result& result) {
  const std::string verb(verb_of(request.what).name);
  const auto text = outcome_of(request, result, said(result.error));
  const auto severity = result.ok() ? Severity::info : Severity::warning;
  const failover::Outcome outcome{operation, std::string(sdk::name_of(result.error.status)), text};
  const failover::Note note{verb + (result.ok() ? ".done" : ".failed"), severity, request.target, text};
  if (const auto problem = wiring_.journal.commit({journal::MachineRecord{service_.id, wall_now(), outcome},
                                                   journal::MachineRecord{service_.id, wall_now(), note}}))
    wiring_.log.write(host::Level::error, service_.id.value, problem->message, {{"hint", problem->hint}});
  wiring_.log.write(result.ok() ? host::Level::info : host::Level::warning, service_.id.value, text);
  p.changing = false;
  if (auto next = std::exchange(p.after_change, nullptr)) next();
  observe(request.target);
  changed_();
}

}  // namespace understudy::runtime
