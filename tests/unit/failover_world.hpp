// A service's machine with a clock of its own: remembers armed timers and the effects of the last step. For stories.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/failover/machine.hpp"
#include "tests/catch.hpp"

namespace understudy::test {

class World {
 public:
  config::Service service;
  bool act = true;
  failover::State state;
  std::vector<failover::Effect> effects;  ///< since the last event that was told
  std::vector<failover::Record> records;
  std::string told;  ///< a line for each event and effect: the story, for a failing seed

  void deliver(const failover::Event& event) {
    const failover::Context context{service, act};
    const auto before = state.phase;
    auto step = failover::step(context, state, event, {mono, wall});
    state = std::move(step.state);
    static constexpr const char* events[] = {"started", "store",    "health",    "observed", "planned", "fenced",
                                             "saved",   "prepared", "activated", "timer",    "command", "lease"};
    static_assert(std::size(events) == std::variant_size_v<failover::Event>);
    told += std::string(failover::to_string(before)) + " + " + events[event.index()] + " " + about(event) + " -> " +
            std::string(failover::to_string(state.phase)) + ", " + state.active.value + " e" +
            std::to_string(state.epoch.value) + "\n";
    for (const auto& e : step.effects) {
      if (const auto* arm = std::get_if<failover::Arm>(&e)) timers[arm->kind] = {arm->generation, mono + arm->after};
      remember(e);
      effects.push_back(e);
    }
    for (const auto& record : step.records) granted_once(record);
    records.insert(records.end(), step.records.begin(), step.records.end());
  }

  void tell(const failover::Event& event) {
    effects.clear();
    deliver(event);
  }

  /// Lets time pass, firing what is armed, in order.
  void wait(Millis time) {
    effects.clear();
    const Time end = mono + time;
    while (true) {
      auto next = timers.end();
      for (auto it = timers.begin(); it != timers.end(); ++it) {
        if (it->second.second <= end && (next == timers.end() || it->second.second < next->second.second)) next = it;
      }
      if (next == timers.end()) break;
      const auto [kind, what] = *next;
      timers.erase(next);
      advance(what.second - mono);
      deliver(failover::TimerFired{kind, what.first});
    }
    advance(end - mono);
  }

  /// The process dies and is started again: only what is stored survives.
  void restart() {
    effects.clear();
    timers.clear();
    told += "--- crash and restart\n";
    const auto stored = failover::to_json(state);
    state = *failover::state_from_json(stored);
    deliver(failover::Started{false});
  }

  /// Somebody sets the clock.
  void set_clock(Millis ahead) { wall += ahead; }

  [[nodiscard]] std::string operation(const std::string& kind) const {
    const auto it = operations.find(kind);
    return it == operations.end() ? "" : it->second;
  }

  Time mono{std::chrono::hours(1)};
  WallTime wall{Millis(1'800'000'000'000)};

 private:
  /// The journal refuses more.
  void granted_once(const failover::Record& record) {
    const auto* granted = std::get_if<failover::Granted>(&record);
    if (granted == nullptr) return;
    INFO(told);
    CHECK(granted->epoch > last_granted_);
    last_granted_ = granted->epoch;
  }
  void advance(Micros by) {
    if (by.count() <= 0) return;
    mono += by;
    wall += std::chrono::duration_cast<Millis>(by);
  }
  void remember(const failover::Effect& e) {
    if (const auto* f = std::get_if<failover::Fence>(&e)) note("fence", f->target, f->operation);
    if (const auto* s = std::get_if<failover::Save>(&e)) note("save", s->target, s->operation);
    if (const auto* p = std::get_if<failover::Prepare>(&e)) note("prepare", p->target, p->operation);
    if (const auto* a = std::get_if<failover::Activate>(&e)) note("activate", a->target, a->operation);
  }
  void note(const std::string& kind, const TargetId& target, const std::string& operation) {
    operations[kind] = operation;
    told += "    " + kind + " " + target.value + " (" + operation + ")\n";
  }
  static std::string about(const failover::Event& event) {
    if (const auto* h = std::get_if<failover::HealthSeen>(&event))
      return h->target.value + " " + std::string(to_string(h->verdict));
    if (const auto* o = std::get_if<failover::Observed>(&event))
      return o->target.value + " " + std::to_string(static_cast<int>(o->state)) + (o->reachable ? "" : " silent");
    if (const auto* f = std::get_if<failover::Fenced>(&event))
      return f->target.value + (f->stopped ? " stopped " : " unconfirmed ") + f->operation;
    if (const auto* a = std::get_if<failover::Activated>(&event))
      return a->target.value + " " + std::string(sdk::name_of(a->status)) + " " + a->operation;
    if (const auto* c = std::get_if<failover::Command>(&event))
      return std::to_string(static_cast<int>(c->what)) + " " + c->target.value;
    return "";
  }

  std::map<failover::TimerKind, std::pair<std::uint64_t, Time>> timers;
  std::map<std::string, std::string> operations;
  Epoch last_granted_{};
};

}  // namespace understudy::test
