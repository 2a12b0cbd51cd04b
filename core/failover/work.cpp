#include "core/failover/work.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "core/failover/table.hpp"

namespace understudy::failover {
namespace {

/// splitmix64: jitter needs spread, not secrecy, and a step must repeat exactly.
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

void Work::enter(Phase phase, Millis timeout) {
  if (phase != s.phase && !may_follow(s.phase, phase)) {
    throw std::logic_error("no transition from " + std::string(to_string(s.phase)) + " to " +
                           std::string(to_string(phase)) + " in failover/table.cpp");
  }
  if (phase != s.phase) {
    s.since = now.wall;
    s.retries = 0;
  }
  s.phase = phase;
  store_ = store_ || (phase != Phase::suspect && phase != Phase::active);
  disarm(TimerKind::retry);
  if (timeout.count() > 0) {
    arm(TimerKind::phase, timeout);
  } else {
    disarm(TimerKind::phase);
  }
}

void Work::arm(TimerKind kind, Millis after) {
  const auto generation = ++s.timer_generation[static_cast<int>(kind)];
  effect(Arm{kind, generation, after});
}

void Work::disarm(TimerKind kind) { ++s.timer_generation[static_cast<int>(kind)]; }

bool Work::current(const TimerFired& fired) const {
  return s.timer_generation[static_cast<int>(fired.kind)] == fired.generation;
}

void Work::note(std::string kind, Severity severity, const TargetId& target, std::string text) {
  record(Note{std::move(kind), severity, target, std::move(text)});
}

void Work::tell(std::string kind, Severity severity, AlertState state, const TargetId& target, std::string title,
                std::string text) {
  note(kind, severity, target, text.empty() ? title : title + ": " + text);
  // Whatever fires or moves begins an incident; a pause is nobody's trouble.
  const bool trouble = state == AlertState::firing || (kind.ends_with(".started") && kind != "start.started");
  if (s.incident.empty() && trouble && kind != "paused")
    s.incident = cx.service.id.value + "-" + std::to_string(now.wall.time_since_epoch().count());
  Alert alert;
  alert.incident = kind == "paused" ? std::string() : s.incident;
  alert.kind = std::move(kind);
  alert.severity = severity;
  alert.state = state;
  alert.service = cx.service.id;
  alert.target = target;
  alert.title = std::move(title);
  alert.text = std::move(text);
  if (alert.kind == "blocked" && s.blocked) alert.about = s.blocked->by;
  alert.facts["phase"] = to_string(s.phase);
  alert.facts["epoch"] = std::to_string(s.epoch.value);
  effect(Tell{std::move(alert)});
}

void Work::block(const std::string& by, const std::string& text, const std::string& unblock_with, Severity severity) {
  if (s.blocked && s.blocked->by == by) {
    // The same in other words, as a provider's error has them each time: the next reminder tells the newest.
    if (s.blocked->text == text) return;
    s.blocked->text = text;
    s.blocked->unblock = unblock_with;
    return touch();
  }
  unblock();
  s.blocked = Blocked{by, text, unblock_with, now.wall, severity};
  std::string advice = unblock_with.empty() ? std::string() : " To go on: " + unblock_with;
  tell("blocked", severity, AlertState::firing, {}, cx.service.id.value + " is blocked (" + by + ")", text + advice);
  arm(TimerKind::remind, cx.service.limits.remind_every);
}

void Work::unblock() {
  if (!s.blocked) return;
  tell("blocked", Severity::info, AlertState::resolved, {},
       cx.service.id.value + " is no longer blocked (" + s.blocked->by + ")", "");
  s.blocked.reset();
  disarm(TimerKind::remind);
}

void Work::answer(const Command& command, sdk::Status status, std::string kind, std::string message, std::string hint) {
  if (command.id == 0) return;
  effect(Answer{command.id, status, std::move(kind), std::move(message), std::move(hint), s.move ? s.move->id : 0});
}

void Work::accept(const Command& command) { answer(command, sdk::Status::ok, "", "accepted"); }

std::string Work::operation(std::string_view what) {
  return cx.service.id.value + "-" + std::string(what) + "-e" + std::to_string(s.epoch.value) + "-" +
         std::to_string(s.next_operation++);
}

Millis Work::backoff() {
  const auto& limits = cx.service.limits;
  const int doublings = std::min(s.retries++, 20);
  const auto base = std::min<std::int64_t>(limits.retry_max.count(), limits.retry_initial.count() << doublings);
  const auto spread = static_cast<std::int64_t>(next_random(s.random) % 1000);
  return Millis(std::max<std::int64_t>(1, base * (750 + spread / 2) / 1000));  // 75 % .. 125 %
}

const config::Target& Work::target(const TargetId& id) const {
  if (const auto* found = cx.service.find(id)) return *found;
  throw std::logic_error("no target " + id.value + " in service " + cx.service.id.value);
}

bool Work::keeps_paths(const TargetId& id) const {
  const auto* found = cx.service.find(id);
  return has_state() && found != nullptr && !found->paths.empty();
}

std::string Work::command(std::string_view verb, std::string_view rest) const {
  std::string out = "understudy " + std::string(verb) + " " + cx.service.id.value;
  if (!rest.empty()) out += " " + std::string(rest);
  return out;
}

Step Work::finish() && {
  // Well at home, and nothing in the way: the incident is over.
  if (!s.incident.empty() && s.phase == Phase::active && s.running && s.active == primary() && !s.blocked && !s.move &&
      s.intruders.empty() && !s.outage_since)
    s.incident.clear();
  Step out;
  out.store = store_ || !records_.empty();
  if (out.store && s.index == before_index_) ++s.index;
  out.state = std::move(s);
  out.records = std::move(records_);
  out.effects = std::move(effects_);
  return out;
}

}  // namespace understudy::failover
