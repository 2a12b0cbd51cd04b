#include "core/failover/machine.hpp"

#include "core/failover/work.hpp"

namespace understudy::failover {
namespace {

void on_timer(Work& w, const TimerFired& fired) {
  if (!w.current(fired)) return;  // armed for something that is over
  if (fired.kind == TimerKind::lease) return on_lease_over(w);
  if (fired.kind == TimerKind::phase || fired.kind == TimerKind::retry) return on_phase_timer(w, fired);
  on_watch_timer(w, fired);
}

struct Dispatch {
  Work& w;
  void operator()(const Started& e) const { on_started(w, e); }
  void operator()(const StoreSeen& e) const { on_store_seen(w, e); }
  void operator()(const HealthSeen& e) const { on_health(w, e); }
  void operator()(const Observed& e) const { on_observed(w, e); }
  void operator()(const PlanMade& e) const { on_plan(w, e); }
  void operator()(const Fenced& e) const { on_fenced(w, e); }
  void operator()(const Saved& e) const { on_saved(w, e); }
  void operator()(const Prepared& e) const { on_prepared(w, e); }
  void operator()(const Activated& e) const { on_activated(w, e); }
  void operator()(const TimerFired& e) const { on_timer(w, e); }
  void operator()(const Command& e) const { on_command(w, e); }
  void operator()(const LeaseAsked& e) const { on_lease_asked(w, e); }
};

}  // namespace

Step step(const Context& context, State state, const Event& event, const Now& now) {
  Work w(context, std::move(state), now);
  std::visit(Dispatch{w}, event);
  return std::move(w).finish();
}

}  // namespace understudy::failover
