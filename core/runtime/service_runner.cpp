#include "core/answers/store.hpp"
#include "core/failover/waiting.hpp"
#include "core/runtime/drill.hpp"

#include <algorithm>

namespace understudy::runtime {
namespace {
constexpr std::size_t longest_queue = 10'000;
constexpr Millis store_retry{1'000};
constexpr Millis ask_store_again{30'000};
}  // namespace

ServiceRunner::ServiceRunner(const Wiring& wiring, const config::Config& config, const config::Service& service,
                             Prober& prober, AlertDesk& desk, std::function<void()> changed)
    : wiring_(wiring),
      config_(config),
      service_(service),
      prober_(prober),
      desk_(desk),
      changed_(std::move(changed)),
      observe_timer_(wiring.loop),
      push_timer_(wiring.loop),
      retry_timer_(wiring.loop),
      account_timer_(wiring.loop),
      store_timer_(wiring.loop) {
  for (auto& timer : timers_) timer = std::make_unique<boost::asio::steady_timer>(wiring.loop);
  drill_ = std::make_unique<Driller>(*this);
}

ServiceRunner::~ServiceRunner() {
  for (auto& [id, place] : places_) {
    if (place->health_probe) prober_.remove(*place->health_probe);
    if (place->ready_probe) prober_.remove(*place->ready_probe);
  }
  account();
  alive_.reset();
  for (auto& [id, reply] : replies_)
    reply({{}, {sdk::Status::cancelled, "the orchestrator stops, or has read its file again", {}, {}, {}}});
}

void ServiceRunner::start(std::optional<failover::State> stored, std::uint64_t last_epoch) {
  const bool fresh = !stored.has_value();
  if (stored) state_ = std::move(*stored);
  state_.epoch.value = std::max(state_.epoch.value, last_epoch);  // whatever the blob says: epochs only rise
  state_.random ^=
      static_cast<std::uint64_t>(wall_now().time_since_epoch().count()) ^ std::hash<std::string>()(service_.id.value);
  accounted_ = mono_now();
  ask_quotes();
  for (const auto& [id, p] : places_) settle(id);
  deliver(failover::Started{fresh});
  if (keeper_) ask_store();  // also when it is not fresh: somebody may have put back an older journal
  observe_others();
  if (keeper_) push_periodically(first_push_in());
  account_periodically();
  drill_->recover();
}

void ServiceRunner::ask_store() {
  keeper_->list([this, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired()) return;
    if (!result.ok()) return ask_store_later();
    failover::StoreSeen seen;
    for (const auto& one : answers::snapshots(result.value)) seen.epoch = std::max(seen.epoch, one.epoch);
    if (seen.epoch.value > 0) deliver(seen);
  });
}

void ServiceRunner::ask_store_later() {
  store_timer_.expires_after(ask_store_again);
  store_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) ask_store();
  });
}

void ServiceRunner::deliver(failover::Event event) {
  if (stuck_ && std::holds_alternative<failover::LeaseAsked>(event) && answered_meanwhile(event)) return;
  if (stuck_ && failover::somebody_waits(event)) return drop(event);
  if (stuck_ && failover::overtake(queue_, event)) return;
  if (queue_.size() >= longest_queue) {
    wiring_.log.write(host::Level::error, service_.id.value,
                      "too many events wait for the journal; the newest is dropped");
    return drop(event);
  }
  queue_.push_back(std::move(event));
  if (!pumping_) pump();
}

void ServiceRunner::drop(const failover::Event& event) {
  const auto* command = std::get_if<failover::Command>(&event);
  const auto* asked = std::get_if<failover::LeaseAsked>(&event);
  answer(command != nullptr ? command->id
         : asked != nullptr ? asked->id
                            : 0,
         {{},
          {sdk::Status::transient,
           "the journal cannot be written, so nothing is changed",
           "free space on its disk, then ask again",
           "busy",
           {}}});
}

void ServiceRunner::answer(std::uint64_t asked, sdk::Result result) {
  const auto it = replies_.find(asked);
  if (it == replies_.end()) return;
  const auto reply = std::move(it->second);
  replies_.erase(it);
  reply(std::move(result));
}

/// While the journal cannot be written, a lease is still renewed: that changes nothing, and a full disk here must not
/// end a workload elsewhere. What waits at the queue's head has not happened yet, a revocation neither: its wait begins
/// when it is stored.
bool ServiceRunner::answered_meanwhile(const failover::Event& event) {
  auto step = advance(event, now());
  if (step.store) return false;
  state_.renewed = std::move(step.state.renewed);  // of what is not stored, a renewal changes these
  state_.graced = step.state.graced;
  state_.seen = std::move(step.state.seen);
  for (const auto& effect : step.effects) perform(effect);
  return true;
}

/// The step for an event. When a check decides and the machine asks for a plan, the plan is made at once and answered
/// in the same step: one commit less on the way from the check to the standby.
failover::Step ServiceRunner::advance(const failover::Event& event, const failover::Now& at) {
  const failover::Context context{service_, act()};
  auto step = failover::step(context, state_, event, at);
  const auto asks = std::ranges::find_if(
      step.effects, [](const failover::Effect& e) { return std::holds_alternative<failover::MakePlan>(e); });
  if (asks == step.effects.end() || !std::holds_alternative<failover::HealthSeen>(event)) return step;
  const auto ask = std::get<failover::MakePlan>(*asks);
  step.effects.erase(asks);
  auto before = std::exchange(state_, step.state);  // the plan looks at the state that asks for it
  const auto made = make_plan(ask);
  state_ = std::move(before);
  auto next = failover::step(context, std::move(step.state), made, at);
  step.records.insert(step.records.end(), next.records.begin(), next.records.end());
  step.effects.insert(step.effects.end(), next.effects.begin(), next.effects.end());
  step.state = std::move(next.state);
  step.store = step.store || next.store;
  return step;
}

/// One event at a time; an event whose step cannot be stored stays at the head and is tried again.
void ServiceRunner::pump() {
  pumping_ = true;
  while (!queue_.empty()) {
    const auto at = now();
    auto step = advance(queue_.front(), at);
    stuck_ = !store(step, at);
    if (stuck_ && failover::somebody_waits(queue_.front())) {
      const auto refused = std::move(queue_.front());
      queue_.pop_front();
      stuck_ = false;
      drop(refused);
      continue;
    }
    if (stuck_) {
      retry_timer_.expires_after(store_retry);
      retry_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) pump();
      });
      return;  // still "pumping": what comes meanwhile waits behind
    }
    queue_.pop_front();
    const bool moves = step.state.active != state_.active || step.state.running != state_.running;
    state_ = std::move(step.state);
    for (const auto& effect : step.effects) perform(effect);
    if (moves) meter_.pass(mono_now(), rates());
    if (step.store) changed_();
    drill_->on_step();
  }
  pumping_ = false;
}

bool ServiceRunner::store(const failover::Step& step, const failover::Now& at) {
  journal::Batch batch;
  for (const auto& record : step.records) {
    batch.push_back(journal::MachineRecord{service_.id, at.wall, record});
    if (const auto* note = std::get_if<failover::Note>(&record)) {
      const auto level = note->severity == Severity::critical  ? host::Level::error
                         : note->severity == Severity::warning ? host::Level::warning
                                                               : host::Level::info;
      wiring_.log.write(level, service_.id.value, note->text, {{"kind", note->kind}});
    }
  }
  desk_.mark();
  for (const auto& effect : step.effects) {
    if (const auto* t = std::get_if<failover::Tell>(&effect)) {
      auto alert = t->alert;
      alert.facts["index"] = std::to_string(step.state.index);
      auto rows = desk_.deliveries(alert);
      batch.insert(batch.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    }
  }
  if (step.store) batch.push_back(journal::StateRow{service_.id, failover::to_json(step.state)});
  if (batch.empty()) return true;
  const auto problem = wiring_.journal.commit(batch);
  desk_.stored(problem);
  if (!problem) return true;
  desk_.undo();  // the same step comes again, and must not find itself throttled
  wiring_.log.write(host::Level::error, service_.id.value, problem->message, {{"hint", problem->hint}});
  changed_();
  return false;
}

void ServiceRunner::command(failover::Command command, Reply reply) {
  command.id = next_command_++;
  replies_.emplace(command.id, std::move(reply));
  deliver(std::move(command));
}

void ServiceRunner::renew_lease(const lease::Renewal& renewal, Reply reply) {
  const auto* target = service_.find(renewal.target);
  if (target == nullptr)
    return reply({{},
                  {sdk::Status::invalid,
                   service_.id.value + " has no target " + renewal.target.value,
                   "is `target` in [agent.lease] its name in the orchestrator's file?",
                   "no_such_target",
                   {}}});
  if (!target->lease)
    return reply({{},
                  {sdk::Status::unsupported,
                   "no lease is kept for " + renewal.target.value,
                   "set lease = true in [service." + service_.id.value + ".target." + renewal.target.value + "]",
                   "no_lease",
                   {}}});
  const auto id = next_command_++;
  replies_.emplace(id, std::move(reply));
  deliver(failover::LeaseAsked{id, renewal});
}

ServiceRunner::Place* ServiceRunner::place(const TargetId& id) {
  const auto it = places_.find(id);
  return it == places_.end() ? nullptr : it->second.get();
}

bool ServiceRunner::is_open(Alert alert) const {
  alert.service = service_.id;
  return desk_.is_open(alert);
}

void ServiceRunner::settle(const TargetId& target) {
  for (const char* kind : {"flapping", "detect.blind"}) {
    Alert alert;
    alert.kind = kind;
    alert.target = target;
    alert.state = AlertState::resolved;
    alert.title = "the checks of " + target.value + " begin anew, or are not needed now";
    if (is_open(alert)) tell(std::move(alert));
  }
}

void ServiceRunner::tell(Alert alert) {
  alert.service = service_.id;
  const auto level = alert.severity == Severity::info ? host::Level::info : host::Level::warning;
  wiring_.log.write(level, service_.id.value, alert.title + (alert.text.empty() ? "" : ": " + alert.text));
  desk_.tell(alert);
}

}  // namespace understudy::runtime
