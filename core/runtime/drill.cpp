#include "core/runtime/drill.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace understudy::runtime {
namespace {

constexpr Millis quickest_tick{200}, slowest_tick{30'000};

sdk::Error refusal(sdk::Status status, std::string kind, std::string message, std::string hint) {
  return {status, std::move(message), std::move(hint), std::move(kind), {}};
}

}  // namespace

ServiceRunner::Driller::Driller(ServiceRunner& runner)
    : r_(runner), timer_(runner.wiring_.loop), look_timer_(runner.wiring_.loop), tick_timer_(runner.wiring_.loop) {}

void ServiceRunner::drill(const DrillRequest& request, const Reply& reply) { drill_->begin(request, reply); }

bool ServiceRunner::Driller::can(const Place& p) const { return p.instance && p.instance->offers("drill.start/1"); }

std::optional<sdk::Error> ServiceRunner::Driller::why_not(const DrillRequest& request, const Place* p) const {
  using sdk::Status;
  const auto& s = r_.state_;
  const auto& service = r_.service_.id.value;
  if (p == nullptr) {
    std::string names;
    for (const auto& t : r_.service_.targets) names += (names.empty() ? "" : ", ") + t.id.value;
    if (request.target.empty())
      return refusal(
          Status::unsupported, "not_offered", "no standby of " + service + " can be drilled beside it",
          fmt::format("`understudy drill {} TARGET --switchover` moves the service there and back", service));
    return refusal(Status::invalid, "no_such_target",
                   fmt::format("service {} has no target \"{}\"", service, request.target.value),
                   "there are: " + names);
  }
  const auto& target = p->target->id;
  if (!r_.act())
    return refusal(Status::denied, "observe", "mode is \"observe\": nothing is touched",
                   "set mode = \"act\" and reload");
  if (s.phase != failover::Phase::active || s.move || !s.running)
    return refusal(Status::conflict, "busy",
                   fmt::format("{} is not at rest ({}): a drill begins only beside a service that is well", service,
                               failover::to_string(s.phase)),
                   "understudy status");
  if (target == s.active)
    return refusal(Status::conflict, "already_active", target.value + " runs the service itself", "name a standby");
  if (run_)
    return refusal(Status::conflict, "busy", fmt::format("{} is being drilled", run_->target.value),
                   "understudy status shows it; ask again when it is done");
  if (!request.switchover && !r_.keeper_ && !p->target->paths.empty())
    return refusal(Status::invalid, "no_state",
                   fmt::format("{} has `paths`, but {} has no [service.{}.state]: a copy could only work on them",
                               target.value, service, service),
                   "name the state's store, or leave `paths` out");
  if (p->changing)
    return refusal(Status::conflict, "busy", fmt::format("{} is being changed", target.value),
                   fmt::format("understudy history {} says by whom", service));
  if (!request.switchover && !can(*p))
    return refusal(
        Status::unsupported, "not_offered",
        fmt::format("the plugin {} of {} cannot run a copy beside the service", p->target->use.plugin, target.value),
        fmt::format("`understudy drill {} {} --switchover` moves the service there and back", service, target.value));
  return std::nullopt;
}

TargetId ServiceRunner::Driller::longest_unproven() const {
  TargetId out;
  WallTime oldest{};
  for (const auto& t : r_.service_.targets) {
    if (t.id == r_.state_.active || !can(*r_.places_.at(t.id))) continue;
    const auto known = known_.find(t.id);
    const auto at = known != known_.end() && known->second.proven ? known->second.proven->when : WallTime{};
    if (!out.empty() && at >= oldest) continue;
    out = t.id;
    oldest = at;
  }
  return out;
}

void ServiceRunner::Driller::begin(const DrillRequest& asked, const Reply& reply) {
  DrillRequest request = asked;
  if (request.target.empty()) request.target = longest_unproven();
  auto* p = r_.place(request.target);
  if (auto no = why_not(request, p)) return reply({{}, std::move(*no)});
  auto run = std::make_unique<Run>();
  run->began = wall_now();
  run->id =
      fmt::format("{}-{}-drill-{}", r_.service_.id.value, request.target.value, run->began.time_since_epoch().count());
  run->place = p;
  run->target = request.target;
  run->origin = r_.state_.active;
  run->mode = request.switchover ? Mode::switchover : Mode::isolated;
  run->by = request.by;
  run_ = std::move(run);
  auto problem = write_unwritten();
  if (!problem) problem = journal_begin();
  if (problem) {
    run_.reset();
    return reply({{}, refusal(sdk::Status::transient, "journal", problem->message, problem->hint)});
  }
  reply({{{"drill", run_->id}, {"target", run_->target.value}}});
  launch(std::move(run_), drill::Begun{});
}

std::optional<journal::Problem> ServiceRunner::Driller::journal_begin() const {
  const auto& run = *run_;
  const bool isolated = run.mode == Mode::isolated;
  const auto asked = fmt::format("a {} of {} was asked for by {}{}{}", isolated ? "drill" : "switchover drill",
                                 run.target.value, run.by.who, run.by.reason.empty() ? "" : ": ", run.by.reason);
  r_.wiring_.log.write(host::Level::info, r_.service_.id.value, asked);
  return r_.wiring_.journal.commit(
      {journal::MachineRecord{r_.service_.id, run.began, failover::Intent{run.id, "drill", run.target, Epoch{0}}},
       journal::MachineRecord{r_.service_.id, run.began,
                              failover::Note{"drill.asked", Severity::info, run.target, asked}},
       journal::DocumentPut{drilling_space, r_.service_.id.value, document(), run.began}});
}

/// What a next process must know of it.
nlohmann::json ServiceRunner::Driller::document() const {
  const auto& run = *run_;
  return {{"id", run.id},
          {"target", run.target.value},
          {"origin", run.origin.value},
          {"mode", run.mode == Mode::isolated ? "isolated" : "switchover"},
          {"who", run.by.who},
          {"move", run.there ? nlohmann::json(*run.there) : nlohmann::json()}};
}

std::optional<journal::Problem> ServiceRunner::Driller::write_unwritten() {
  if (unwritten_.empty()) return std::nullopt;
  auto problem = r_.wiring_.journal.commit(unwritten_);
  if (!problem) unwritten_.clear();
  return problem;
}

bool ServiceRunner::Driller::blocks_reload() const {
  if (!run_) return !unwritten_.empty();  // or the next one would take it for a drill under way
  const auto& s = run_->state;
  return run_->mode != Mode::isolated || s.stage != drill::Stage::stop || s.stops < s.terms.stuck_after;
}

void ServiceRunner::Driller::launch(std::unique_ptr<Run> run, const drill::Event& first) {
  run_ = std::move(run);
  const auto& t = *run_->place->target;
  const auto& limits = r_.service_.limits;
  run_->folder = r_.config_.orchestrator.data_dir / "drills" / run_->id;
  run_->state.since = mono_now();
  run_->state.terms = {run_->mode == Mode::isolated && r_.keeper_ != nullptr,
                       t.activate_timeout + (run_->mode == Mode::switchover ? r_.service_.drill.stay : Millis(0)),
                       limits.retry_initial,
                       limits.retry_max,
                       3,
                       run_->mode == Mode::switchover};
  feed(first);
}

void ServiceRunner::Driller::recover() {
  load_known();
  const auto left = r_.wiring_.journal.document(drilling_space, r_.service_.id.value);
  if (left && left->is_object() && !run_) {
    auto run = std::make_unique<Run>();
    run->id = left->value("id", "");
    run->target = TargetId(left->value("target", ""));
    run->origin = TargetId(left->value("origin", ""));
    run->mode = left->value("mode", "") == "switchover" ? Mode::switchover : Mode::isolated;
    run->by = {left->value("who", ""), {}};
    if (left->contains("move") && left->at("move").is_number_unsigned())
      run->there = left->at("move").get<std::uint64_t>();
    run->began = wall_now();
    run->place = r_.place(run->target);
    if (run->place != nullptr && run->place->instance) {
      launch(std::move(run), drill::Recovered{});
    } else {
      r_.tell(left_by_a_drill(r_.service_.id, *left));
      remove_copy_state(r_.config_, run->id);
      (void)r_.wiring_.journal.commit({journal::DocumentErase{drilling_space, r_.service_.id.value}});
    }
  }
  tick();
}

// ---- stepping -------------------------------------------------------------------------------------------------------

void ServiceRunner::Driller::feed(drill::Event event) {
  events_.push_back(std::move(event));
  if (std::exchange(feeding_, true)) return;
  while (run_ && !events_.empty()) {
    const auto next = std::move(events_.front());
    events_.pop_front();
    const auto before = run_->state.stage;
    for (const auto& action : drill::step(run_->state, next, mono_now())) perform(action);
    if (!run_ || run_->state.stage != before) r_.changed_();
  }
  events_.clear();
  feeding_ = false;
}

void ServiceRunner::Driller::perform(const drill::Action& action) {
  const bool isolated = run_->mode == Mode::isolated;
  switch (action.act) {
    case drill::Act::prepare: return prepare();
    case drill::Act::start: return isolated ? start_copy() : move_there();
    case drill::Act::watch: return isolated ? look_at_copy() : stay_there();
    case drill::Act::stop: return isolated ? stop_copy() : move_back();
    case drill::Act::arm: return arm(action.after);
    case drill::Act::tell_stuck: return tell_stuck();
    case drill::Act::finish: return finish();
  }
}

void ServiceRunner::Driller::arm(Millis after) {
  timer_.expires_after(after);
  timer_.async_wait(of_this_run([this](const boost::system::error_code& error) {
    if (!error) feed(drill::Expired{});
  }));
}

/// The target's own activation, stop, rollback wait until the copy is gone, or could not be stopped at once.
void ServiceRunner::Driller::hold_place() { run_->held = run_->place->changing = true; }

void ServiceRunner::Driller::release_place() {
  if (!std::exchange(run_->held, false)) return;
  auto& p = *run_->place;
  p.changing = false;
  if (auto next = std::exchange(p.after_change, nullptr)) next();
}

void ServiceRunner::Driller::on_step() {
  const auto& s = r_.state_;
  (void)write_unwritten();
  if (s.last_move && s.last_move->id != last_move_) {
    last_move_ = s.last_move->id;
    learn_proven();
    if (s.last_move->result == "done") note_served(s.last_move->from, s.last_move->ended);
  }
  if (!run_) return;
  if (run_->mode == Mode::switchover) return move_ended();
  const bool at_rest = (s.phase == failover::Phase::active || s.phase == failover::Phase::suspect) && !s.move;
  const bool starting = s.phase == failover::Phase::starting;  // after a crash: it is being stopped already
  if (!at_rest && !starting)
    feed(drill::Cancelled{fmt::format("the service itself needs attention ({})", failover::to_string(s.phase))});
}

// ---- the schedule ---------------------------------------------------------------------------------------------------

void ServiceRunner::Driller::tick() {
  const auto& every = r_.service_.drill.every;
  if (!every) return;
  begin_due();
  tick_timer_.expires_after(std::clamp<Millis>(*every / 10, quickest_tick, slowest_tick));
  tick_timer_.async_wait([this, alive = std::weak_ptr(r_.alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) tick();
  });
}

void ServiceRunner::Driller::begin_due() {
  const auto& settings = r_.service_.drill;
  const auto at = wall_now();
  if (run_ || !drill::open_at(settings.window, minute_of_week(at, utc_offset(at)))) return;
  const bool switchover = settings.mode == Mode::switchover;
  if (switchover && r_.state_.active != r_.service_.primary) return;
  for (const auto& t : r_.service_.targets) {
    const bool wanted = settings.targets.empty() ? switchover || can(*r_.places_.at(t.id))
                                                 : std::ranges::find(settings.targets, t.id) != settings.targets.end();
    const DrillRequest request{r_.service_.id, t.id, switchover, {"the schedule", ""}};
    if (!wanted || why_not(request, r_.place(t.id))) continue;
    const auto& known = known_[t.id];
    drill::Past past;
    if (known.last.is_object()) {
      past.tried = WallTime(Millis(known.last.value("started_ms", std::int64_t{0})));
      past.verified = known.last.value("verified", false);
    }
    if (known.proven) past.proven = known.proven->when;
    if (!drill::due(past, *settings.every, at)) continue;
    return begin(request, [](const sdk::Result&) {});
  }
}

}  // namespace understudy::runtime
