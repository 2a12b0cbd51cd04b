// What the machine asks for, done.
#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "core/answers/target.hpp"
#include "core/runtime/service_runner.hpp"

namespace understudy::runtime {
namespace {

constexpr Millis observe_budget{15'000};
constexpr Millis push_budget{3'600'000};
constexpr Millis account_every{900'000};
constexpr Millis after_start{5'000}, first_of_all{60'000};  ///< of a save

failover::SiteState site_state(const std::string& text) {
  if (text == "stopped") return failover::SiteState::stopped;
  if (text == "starting") return failover::SiteState::starting;
  if (text == "active") return failover::SiteState::active;
  if (text == "stopping") return failover::SiteState::stopping;
  return failover::SiteState::unknown;
}

}  // namespace

struct ServiceRunner::Performer {
  ServiceRunner& r;

  void operator()(const failover::MakePlan& ask) const { r.deliver(r.make_plan(ask)); }

  void operator()(const failover::Fence& e) const { r.fence(e); }

  void operator()(const failover::Save& e) const {
    auto* p = r.place(e.target);
    if (p == nullptr || !r.keeper_)
      return r.deliver(failover::Saved{e.operation, false, {}, "there is no state store"});
    r.keeper_->push(*p->target, e.epoch, r.service_.state->save_timeout, true,
                    [self = &r, e](const state::StateKeeper::Answer& a) {
                      self->deliver(failover::Saved{e.operation, a.ok, a.snapshot, a.detail});
                    });
  }

  void operator()(const failover::Prepare& e) const {
    auto* p = r.place(e.target);
    if (p == nullptr || !r.keeper_)
      return r.deliver(failover::Prepared{e.operation, false, {}, "there is no state store"});
    r.keeper_->prepare(*p->target, {e.snapshot, r.state_.epoch, e.seal, e.have},
                       [self = &r, e](const state::StateKeeper::Answer& a) {
                         self->deliver(failover::Prepared{e.operation, a.ok, a.snapshot, a.detail});
                       });
  }

  void operator()(const failover::Activate& e) const { r.activate(e); }
  void operator()(const failover::Observe& e) const { r.observe(e.target); }

  void operator()(const failover::Watch& e) const {
    for (auto& [id, p] : r.places_) {
      if (!p->health_probe) continue;
      const auto mode = id != e.target                               ? Prober::Mode::idle
                        : e.mode == failover::Watch::Mode::verifying ? Prober::Mode::verifying
                                                                     : Prober::Mode::serving;
      r.prober_.set_mode(*p->health_probe, mode, id == e.target && e.grace);
      if (mode == Prober::Mode::idle) r.settle(id);
    }
  }

  void operator()(const failover::Arm& e) const { r.arm(e); }
  void operator()(const failover::Tell&) const { r.desk_.poke(); }  // stored already, with the step

  void operator()(const failover::LeaseAnswer& e) const {
    using Verdict = lease::Judgement::Verdict;
    static constexpr const char* kinds[] = {"granted", "revoked", "stale", "stranger", "undecided"};
    const auto verdict = e.judgement.verdict;
    if (verdict == Verdict::granted)
      return r.answer(e.id, {{{"epoch", r.state_.epoch.value}, {"ttl_ms", e.ttl.count()}}});
    const auto status = verdict == Verdict::undecided ? sdk::Status::transient : sdk::Status::conflict;
    r.answer(e.id, {{}, {status, e.judgement.why, {}, kinds[static_cast<int>(verdict)], {}}});
  }

  void operator()(const failover::Answer& e) const {
    if (e.status == sdk::Status::ok)
      return r.answer(e.command, {{{"message", e.message}, {"move", r.state_.move ? r.state_.move->id : e.move}}});
    r.answer(e.command, {{}, {e.status, e.message, e.hint, e.kind, {}}});
  }
};

failover::PlanMade ServiceRunner::make_plan(const failover::MakePlan& ask) const {
  const auto found = plan(ask);
  failover::PlanMade made;
  for (const auto& c : found.ranked) made.ranked.push_back(c.target);
  made.summary = found.summary();
  made.why_empty = found.why_empty();
  std::size_t failing = 0;
  const auto candidates = idle_candidates(failing);
  made.common_mode = state_.running && !state_.move && detect::common_mode(true, candidates, failing);
  return made;
}

void ServiceRunner::perform(const failover::Effect& effect) { std::visit(Performer{*this}, effect); }

plugins::Instance::Done ServiceRunner::guarded(plugins::Instance::Done done) const {
  return [alive = std::weak_ptr(alive_), done = std::move(done)](sdk::Result result) {
    if (!alive.expired()) done(std::move(result));
  };
}

std::string ServiceRunner::said(const sdk::Error& error) {
  return error.message + (error.hint.empty() ? "" : " (" + error.hint + ")");
}

void ServiceRunner::fence(const failover::Fence& e) {
  auto* p = place(e.target);
  if (p == nullptr || !p->instance)
    return deliver(failover::Fenced{e.operation, e.target, false, "its plugin is not loaded"});
  // A rollback that is still under way might start again what was just seen to be stopped.
  if (p->changing) return void(p->after_change = [this, e] { fence(e); });
  const auto& t = *p->target;
  p->instance->call("standby.deactivate/1",
                    {{"service", service_.id.value},
                     {"target", e.target.value},
                     {"epoch", e.epoch.value},
                     {"operation", e.operation},
                     {"grace_ms", t.stop_grace.count()}},
                    t.deactivate_timeout, guarded([this, e](const sdk::Result& result) {
                      failover::Fenced done;
                      done.operation = e.operation;
                      done.target = e.target;
                      done.impossible = result.error.status == sdk::Status::unsupported;
                      if (result.ok()) {
                        auto told = answers::stopped(result.value);
                        done.stopped = told.stopped;
                        done.detail = std::move(told.detail);
                        done.unsaved = told.unsaved.value_or(false);
                        done.instance = std::move(told.instance);
                      } else {
                        done.detail = said(result.error);
                      }
                      if (done.stopped) saw(e.target, "stopped", done.detail);
                      deliver(std::move(done));
                    }));
}

void ServiceRunner::activate(const failover::Activate& e) {
  auto* p = place(e.target);
  if (p == nullptr || !p->instance)
    return deliver(failover::Activated{e.operation, e.target, sdk::Status::invalid, "its plugin is not loaded"});
  if (p->changing) return void(p->after_change = [this, e] { activate(e); });
  if (e.kind != failover::MoveKind::start && std::exchange(started_operation_, e.operation) != e.operation)
    meter_.starts(e.target, price_of(*p), static_cast<double>(state_bytes()) / 1e9);
  p->instance->call("standby.activate/1",
                    {{"service", service_.id.value},
                     {"target", e.target.value},
                     {"epoch", e.epoch.value},
                     {"operation", e.operation},
                     {"snapshot", e.snapshot.value},
                     {"reason", failover::to_string(e.kind)}},
                    p->target->activate_timeout, guarded([this, e](const sdk::Result& result) {
                      auto detail = said(result.error);
                      if (result.ok()) {
                        auto told = answers::started(result.value);
                        detail = told.detail;
                        saw(e.target, std::move(told.state), std::move(told.detail));
                      }
                      deliver(failover::Activated{e.operation, e.target, result.error.status, std::move(detail)});
                    }));
}

void ServiceRunner::saw(const TargetId& id, std::string state, std::string detail) {
  if (auto* p = place(id)) p->look = Place::Look{std::move(state), std::move(detail), {}, true, wall_now()};
}

namespace {
/// Only somebody who was reached says these.
bool refusal(sdk::Status status) {
  return status == sdk::Status::denied || status == sdk::Status::invalid || status == sdk::Status::conflict ||
         status == sdk::Status::unsupported;
}
}  // namespace

std::optional<Time> ServiceRunner::last_pass(const TargetId& id) {
  const auto* p = place(id);
  return p != nullptr && p->health_probe ? prober_.last_pass(*p->health_probe) : std::nullopt;
}

void ServiceRunner::observe(const TargetId& id) {
  auto* p = place(id);
  if (p == nullptr || !p->instance)
    return deliver(failover::Observed{id, failover::SiteState::unknown, {}, false, false, "its plugin is not loaded"});
  if (std::exchange(p->observing, true)) return;
  p->instance->call("standby.observe/1", {{"service", service_.id.value}, {"target", id.value}}, observe_budget,
                    guarded([this, p, id](const sdk::Result& result) {
                      p->observing = false;
                      failover::Observed seen;
                      seen.target = id;
                      seen.reachable = result.ok();
                      Place::Look look;
                      look.at = wall_now();
                      look.reachable = result.ok();
                      if (result.ok()) {
                        auto told = answers::observed(result.value);
                        look.state = std::move(told.state);
                        look.detail = std::move(told.detail);
                        seen.epoch = told.epoch;
                        seen.unsaved = told.unsaved;
                        if (told.epoch) look.epoch = told.epoch->value;
                      } else {
                        look.detail = said(result.error);
                        look.refused = refusal(result.error.status);
                      }
                      seen.state = site_state(look.state);
                      seen.detail = look.detail;
                      seen.passed = last_pass(id);
                      seen.ready = !p->ready_probe || prober_.detector(*p->ready_probe).verdict() != Verdict::down;
                      p->look = std::move(look);
                      deliver(std::move(seen));
                    }));
}

void ServiceRunner::observe_others() {
  for (auto& [id, p] : places_) observe(id);
  observe_timer_.expires_after(service_.observe_every);
  observe_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) observe_others();
  });
}

void ServiceRunner::arm(const failover::Arm& e) {
  auto& timer = *timers_[static_cast<int>(e.kind)];
  timer.expires_after(e.after);
  timer.async_wait([this, e, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) deliver(failover::TimerFired{e.kind, e.generation});
  });
}

/// Soon after a start, when it is due: a file that is read again every half hour must not put it off for ever.
Millis ServiceRunner::first_push_in() const {
  const Millis every = service_.state->every;
  const auto newest = wiring_.journal.newest_snapshot(service_.id);
  if (!newest) return std::min(every, first_of_all);
  return std::clamp<Millis>(every - (wall_now() - newest->created), std::min(every, after_start), every);
}

/// A save that does not end keeps the state as old as one that fails.
void ServiceRunner::tell_late_push() {
  const auto& state = *service_.state;
  const auto newest = wiring_.journal.newest_snapshot(service_.id);
  const auto age = newest ? wall_now() - newest->created : state.every * 2;
  if (age < state.max_age.value_or(state.every * 2)) return;
  pushed({false, {}, fmt::format("a save has not ended for more than {} s", state.every.count() / 1000)});
}

void ServiceRunner::push_periodically(Millis wait) {
  push_timer_.expires_after(wait);
  push_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    const auto* target = service_.find(state_.active);
    const bool saves = act() && serving() && target != nullptr && !target->paths.empty();
    if (saves_by_itself()) look_at_store();
    if (saves && pushing_) tell_late_push();
    if (saves && !std::exchange(pushing_, true)) {
      keeper_->push(*target, state_.epoch, push_budget, false,
                    [this, epoch = state_.epoch](const state::StateKeeper::Answer& a) {
                      pushing_ = false;
                      if (a.status == sdk::Status::cancelled) return;
                      // What an epoch that has ended could not save says nothing of the present one.
                      const bool over = epoch != state_.epoch || state_.revoked;
                      if (a.ok || !over) pushed(a);
                    });
    }
    push_periodically(service_.state->every);
  });
}

bool ServiceRunner::serving() const {
  return (state_.phase == failover::Phase::active || state_.phase == failover::Phase::suspect) && state_.running;
}

bool ServiceRunner::saves_by_itself() const {
  const auto* target = service_.find(state_.active);
  const auto p = places_.find(state_.active);
  if (!serving() || target == nullptr || p == places_.end()) return false;
  const auto& look = p->second->look;  // one that sleeps has saved, and has nothing new
  return target->paths.empty() && !(look && look->state == "stopped");
}

/// Of a save that failed there nobody hears.
void ServiceRunner::look_at_store() {
  if (std::exchange(looking_, true)) return;
  keeper_->look([this, alive = std::weak_ptr(alive_)](const sdk::Result& listed) {
    if (alive.expired()) return;
    looking_ = false;
    if (saves_by_itself()) tell_age(listed);
  });
}

/// Older than max_age, the next failover would wait for a person.
void ServiceRunner::tell_age(const sdk::Result& listed) {
  const auto& max_age = service_.state->max_age;
  const auto newest = wiring_.journal.newest_snapshot(service_.id);
  const WallTime began = state_.last_move ? state_.last_move->ended : state_.since;
  const bool from_here = newest && newest->created > began;
  const auto age = wall_now() - std::max(began, newest ? newest->created : WallTime{});
  const bool old = max_age && age > *max_age;
  Alert alert;
  alert.kind = "state.push";
  if (is_open(alert) ? old || !from_here : !old) return;
  changed_();
  alert.severity = old ? Severity::warning : Severity::info;
  alert.state = old ? AlertState::firing : AlertState::resolved;
  alert.title = old ? "no newer state comes from " + state_.active.value : "the state is saved again";
  if (old)
    alert.text = fmt::format(
        "{} saves by itself, and has saved nothing for {} s, more than max_age ({} s): a failover would "
        "wait for a person. {}",
        state_.active.value, age.count() / 1000, max_age->count() / 1000,
        listed.ok() ? "Its agent's log says why." : "The store: " + said(listed.error));
  tell(std::move(alert));
}

/// In one commit: there may be thousands, and each commit waits for the disk.
void ServiceRunner::remember(const std::vector<SnapshotInfo>& snapshots) {
  const auto known = snapshots.size() > 1 ? wiring_.journal.snapshots_valid(service_.id) : std::map<SnapshotId, bool>();
  journal::Batch batch;
  for (const auto& one : snapshots) {
    const auto it = known.find(one.id);
    if (it == known.end() || it->second != one.valid) batch.push_back(journal::SnapshotRow{service_.id, one});
  }
  if (batch.empty()) return;
  if (const auto problem = wiring_.journal.commit(batch))
    wiring_.log.write(host::Level::error, service_.id.value, problem->message);
}

void ServiceRunner::pushed(const state::StateKeeper::Answer& answer) {
  changed_();
  if (answer.ok) keeper_->prune();
  Alert alert;
  alert.kind = "state.push";
  if (answer.ok != is_open(alert)) return;
  alert.severity = answer.ok ? Severity::info : Severity::warning;
  alert.state = answer.ok ? AlertState::resolved : AlertState::firing;
  alert.title = answer.ok ? "the state is saved again" : "the state cannot be saved";
  alert.text = answer.detail;
  tell(std::move(alert));
}

void ServiceRunner::push_now(const Reply& reply) {
  const auto* target = service_.find(state_.active);
  if (!keeper_ || target == nullptr || target->paths.empty()) {
    return reply({{},
                  {sdk::Status::invalid,
                   "the active target keeps no state here",
                   "add [service." + service_.id.value + ".state]",
                   {},
                   {}}});
  }
  if (!act()) return reply({{}, {sdk::Status::denied, "mode is \"observe\": nothing is touched", {}, "observe", {}}});
  if (state_.move) return reply({{}, {sdk::Status::conflict, "a move is under way", {}, "busy", {}}});
  const auto id = next_command_++;
  replies_.emplace(id, reply);
  keeper_->push(*target, state_.epoch, push_budget, false,
                [this, id, epoch = state_.epoch](const state::StateKeeper::Answer& a) {
                  const bool over = epoch != state_.epoch || state_.revoked;
                  if (a.ok || (!over && a.status != sdk::Status::cancelled)) pushed(a);
                  if (!a.ok) return answer(id, {{}, {sdk::Status::transient, a.detail, {}, {}, {}}});
                  const auto& s = a.snapshot;
                  answer(id, {{{"id", s.id.value},
                               {"epoch", s.epoch.value},
                               {"created_ms", s.created.time_since_epoch().count()},
                               {"bytes", s.bytes},
                               {"files", s.files}}});
                });
}

std::vector<policy::Meter::Rate> ServiceRunner::rates() const {
  std::vector<policy::Meter::Rate> out;
  for (const auto& [id, p] : places_) out.push_back({id, price_of(*p), id == state_.active && state_.running});
  return out;
}

void ServiceRunner::account() {
  const auto at = wall_now();
  const auto now = mono_now();
  meter_.pass(now, rates());
  const auto from = at - std::chrono::duration_cast<Millis>(now - accounted_);
  for (const auto& [target, amount] : meter_.take())
    unaccounted_.push_back(journal::SpendRow{service_.id, target, from, at, amount});
  accounted_ = now;
  if (unaccounted_.empty()) return;
  const auto problem = wiring_.journal.commit(unaccounted_);
  desk_.stored(problem);
  if (!problem) unaccounted_.clear();
}

void ServiceRunner::account_periodically() {
  account();
  account_timer_.expires_after(account_every);
  account_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) account_periodically();
  });
}

}  // namespace understudy::runtime
