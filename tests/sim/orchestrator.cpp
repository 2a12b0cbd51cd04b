#include "tests/sim/orchestrator.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/failover/waiting.hpp"
#include "tests/sim/world.hpp"

namespace understudy::sim {
namespace {

using namespace failover;

constexpr Millis store_retry{1'000}, remind_every{60'000};
constexpr Micros observe_deadline{15'000'000};
constexpr std::size_t older_kept = 12;

}  // namespace

Orchestrator::Orchestrator(World& world, double clock_rate) : world_(world), clock_{clock_rate} {}

Now Orchestrator::now() const {
  const Time mono = clock_.at(world_.line.now());
  return {mono, WallTime(wall_ahead_ + std::chrono::duration_cast<Millis>(mono.time_since_epoch())), Millis(0)};
}

std::size_t Orchestrator::index_of(int service, const TargetId& target) const {
  const auto& targets = world_.service(service).targets;
  return static_cast<std::size_t>(std::ranges::find(targets, target, &config::Target::id) - targets.begin());
}

bool Orchestrator::quiet() const {
  return std::ranges::all_of(runners_, [](const Runner& r) { return r.queue.empty(); });
}

// ---- the process --------------------------------------------------------------------------------------------------

void Orchestrator::later(Micros local, std::function<void()> then) {
  world_.line.after(clock_.truly(local), [this, life = life_, then = std::move(then)] { hears(life, then); });
}

void Orchestrator::hears(std::uint64_t life, std::function<void()> then) {
  if (life != life_ || !up_) return;
  if (frozen_) return waiting_.push_back([this, life, then = std::move(then)] { hears(life, then); });
  then();
}

void Orchestrator::start() {
  up_ = true;
  frozen_ = false;
  ++life_;
  world_.story.add("orchestrator", "starts");
  world_.invariants.started(world_);
  const auto count = static_cast<std::size_t>(world_.services());
  world_.journal.services.resize(count);
  runners_ = std::vector<Runner>(count);
  desk_ = Desk{};
  for (const auto& [key, open] : world_.journal.open) desk_.board.restore(key, open);
  const auto life = life_;
  for (int i = 0; i < world_.services() && life == life_; ++i) {
    auto& r = runner(i);
    r.places.resize(world_.service(i).targets.size());
    const auto& stored = world_.journal.services[static_cast<std::size_t>(i)];
    const auto* from = stored.state ? &*stored.state : nullptr;
    if (world_.mutation == Mutation::old_state_restored && !stored.older.empty()) from = &stored.older.front();
    if (from != nullptr) r.state = state_from_json(to_json(*from)).value();
    r.state.epoch.value = std::max(r.state.epoch.value, stored.last_epoch);
    r.state.random ^= world_.net_dice.bits();
  }
  for (int i = 0; i < world_.services() && life == life_; ++i) {
    deliver(i, Started{!world_.journal.services[static_cast<std::size_t>(i)].state});
    observe_others(i);
    push_periodically(i);
  }
  for (auto& row : world_.journal.outbox) row.sending = false;
  seen_ahead_.reset();
  failing_.clear();
  send_due();
  remind();
}

void Orchestrator::crash(Micros until_started_again) {
  if (!up_) return;
  up_ = frozen_ = crash_at_write_ = false;
  ++life_;
  waiting_.clear();
  world_.story.add("orchestrator", "crashes");
  if (world_.mutation == Mutation::outbox_in_memory) world_.journal.outbox.clear();
  world_.line.after(until_started_again, [this] {
    if (!up_) start();
  });
}

void Orchestrator::set_frozen(bool frozen) {
  if (!up_ || frozen == frozen_) return;
  frozen_ = frozen;
  world_.story.add("orchestrator", frozen ? "is stopped (SIGSTOP)" : "goes on");
  if (frozen) return;
  for (auto& then : std::exchange(waiting_, {})) then();
}

// ---- one service --------------------------------------------------------------------------------------------------

void Orchestrator::deliver(int service, Event event) {
  auto& r = runner(service);
  if (r.stuck && std::holds_alternative<LeaseAsked>(event)) {
    // As core/runtime: a renewal changes nothing, and does not wait for the journal.
    const auto at = now();
    const auto next = advance(service, event, at);
    if (!next.store) {
      r.state.renewed = next.state.renewed;
      r.state.graced = next.state.graced;
      r.state.seen = next.state.seen;
      return perform_all(service, next);
    }
  }
  if (r.stuck && somebody_waits(event)) return;  // the answer is lost on its way, as far as the world is concerned
  if (r.stuck && world_.mutation != Mutation::stale_verdicts && overtake(r.queue, event)) return;
  r.queue.push_back(std::move(event));
  if (!r.pumping) pump(service);
}

Step Orchestrator::step(int service, State state, const Event& event, const Now& at) {
  ++steps;
  world_.happens();
  const bool act = world_.setup.config.orchestrator.mode == config::Orchestrator::Mode::act;
  return step_with(world_.mutation, {world_.service(service), act}, std::move(state), event, at);
}

/// As core/runtime: a plan that a check asks for is made in the same step.
Step Orchestrator::advance(int service, const Event& event, const Now& at) {
  auto& r = runner(service);
  auto out = step(service, r.state, event, at);
  const auto asks =
      std::ranges::find_if(out.effects, [](const Effect& e) { return std::holds_alternative<MakePlan>(e); });
  if (asks == out.effects.end() || !std::holds_alternative<HealthSeen>(event)) return out;
  const auto ask = std::get<MakePlan>(*asks);
  out.effects.erase(asks);
  auto before = std::exchange(r.state, out.state);
  const auto made = make_plan(service, ask);
  r.state = std::move(before);
  auto next = step(service, std::move(out.state), made, at);
  out.records.insert(out.records.end(), next.records.begin(), next.records.end());
  out.effects.insert(out.effects.end(), next.effects.begin(), next.effects.end());
  out.state = std::move(next.state);
  out.store = out.store || next.store;
  return out;
}

void Orchestrator::pump(int service) {
  const auto life = life_;
  runner(service).pumping = true;
  while (life == life_ && !runner(service).queue.empty()) {
    auto& r = runner(service);
    const auto at = now();
    const Event event = r.queue.front();
    auto next = advance(service, event, at);
    if (world_.mutation == Mutation::act_before_journal) perform_all(service, next);
    if (life != life_) return;
    if (!store(service, r.state, event, next, at)) {
      if (life != life_) return;
      if (somebody_waits(event)) {
        runner(service).queue.pop_front();
        runner(service).stuck = false;
        continue;
      }
      runner(service).stuck = true;
      return later(store_retry, [this, service] { pump(service); });
    }
    r.stuck = false;
    r.queue.pop_front();
    r.state = std::move(next.state);
    if (world_.mutation != Mutation::act_before_journal) perform_all(service, next);
  }
  if (life == life_) runner(service).pumping = false;
}

bool Orchestrator::store(int service, const State& before, const Event& event, const Step& step, const Now& at) {
  const bool tells = std::ranges::any_of(step.effects, [](const Effect& e) { return std::holds_alternative<Tell>(e); });
  if (step.store || tells) {
    if (world_.journal.full && world_.mutation != Mutation::full_disk_ignored) return false;
    const bool by_chance = crash_at_write_ && step.store && world_.fault_dice.chance(0.4);
    if (by_chance || (step.store && dies_here())) {
      crash_at_point("is about to write to its journal");
      return false;
    }
    if (!world_.journal.full) write(service, step, at);
  }
  const Stored stored{service, before, event, step, at};
  world_.tell_step(stored);
  world_.invariants.stepped(world_, stored);
  return true;
}

void Orchestrator::write(int service, const Step& step, const Now& at) {
  auto& of = world_.journal.services[static_cast<std::size_t>(service)];
  ++world_.journal.writes;
  for (const auto& record : step.records) {
    if (const auto* intent = std::get_if<Intent>(&record)) of.intents.insert(intent->operation);
    if (const auto* granted = std::get_if<Granted>(&record))
      of.last_epoch = std::max(of.last_epoch, granted->epoch.value);
    if (const auto* timed = std::get_if<ActivationTimed>(&record))
      of.activations[timed->target].insert(of.activations[timed->target].begin(),
                                           ActivationRecord{timed->succeeded, timed->took, timed->started});
  }
  for (const auto& effect : step.effects) {
    if (const auto* tell = std::get_if<Tell>(&effect)) queue_alert(tell->alert, at.wall);
  }
  if (!step.store) return;
  if (world_.mutation == Mutation::old_state_restored && of.state) {
    of.older.push_back(*of.state);
    if (of.older.size() > older_kept) of.older.erase(of.older.begin());
  }
  of.state = step.state;
}

void Orchestrator::perform_all(int service, const Step& step) {
  const auto life = life_;
  const auto& effects = step.effects;
  const bool dies = crash_at_write_ && step.store;
  const auto until = dies ? world_.fault_dice.below(effects.size() + 1) : effects.size() + 1;
  for (std::size_t i = 0; i <= effects.size() && life == life_; ++i) {
    if (i == until || (step.store && dies_here())) {
      return crash_at_point("has written to its journal, and done " + std::to_string(i) + " of " +
                            std::to_string(effects.size()) + " effects");
    }
    if (i < effects.size()) perform(service, effects[i]);
  }
}

void Orchestrator::crash_at_point(const std::string& what) {
  world_.story.add("orchestrator", what);
  crash(Micros(world_.fault_dice.between(1'000'000, 60'000'000)));
}

void Orchestrator::command(int service, Command command) {
  if (!up_) return;
  command.id = next_command_++;
  hears(life_, [this, service, command = std::move(command)] { deliver(service, command); });
}

// ---- effects ------------------------------------------------------------------------------------------------------

void Orchestrator::perform(int service, const Effect& effect) {
  world_.invariants.performed(world_, service, effect);
  std::visit([&](const auto& e) { do_effect(service, e); }, effect);
}

void Orchestrator::do_effect(int service, const MakePlan& e) { deliver(service, make_plan(service, e)); }

void Orchestrator::do_effect(int service, const Fence& e) {
  struct Stop {
    bool stopped = false;
    std::string detail;
    std::optional<std::string> instance = {};  ///< who says so, when an agent does
  };
  auto& site = world_.site(service, index_of(service, e.target));
  const auto& target = site.target();
  world_.call<Stop>(
      World::orchestrator_node, site.plane_node(), clock_.truly(target.deactivate_timeout),
      [&site, e, grace = target.stop_grace](const std::function<void(Stop)>& answer) {
        site.deactivate(e.epoch, grace, [answer, &site](bool stopped, std::string detail) {
          const bool agent = site.guarded() && !site.cloud;
          answer({stopped, std::move(detail), agent ? std::optional(site.instance()) : std::nullopt});
        });
      },
      [this, service, e, life = life_](const std::optional<Stop>& got) {
        const auto stop = got.value_or(Stop{false, "no answer in time"});
        hears(life, [this, service, e, stop] {
          if (stop.stopped)
            runner(service).places[index_of(service, e.target)].look = Look{now().wall, true, "stopped"};
          deliver(service, Fenced{e.operation, e.target, stop.stopped, stop.detail, false, stop.instance});
        });
      });
}

void Orchestrator::do_effect(int service, const Save& e) {
  auto& site = world_.site(service, index_of(service, e.target));
  const auto& state = *world_.service(service).state;
  const bool readable =
      site.host_up && !site.suspended && world_.network.open(World::orchestrator_node, site.host_node);
  using Pushed = std::optional<SnapshotInfo>;
  world_.call<Pushed>(
      World::orchestrator_node, World::store_node, clock_.truly(state.save_timeout),
      [this, service, e, readable, &site, request = world_.next_id++](const std::function<void(Pushed)>& answer) {
        auto& store = world_.stores[static_cast<std::size_t>(service)];
        if (store.down || !readable) return answer(std::nullopt);
        answer(store.push(request, e.target, e.epoch, now().wall, site.wrote_until()));
      },
      [this, service, e, life = life_](const std::optional<Pushed>& got) {
        const bool ok = got && *got;
        Saved saved{e.operation, ok, ok ? **got : SnapshotInfo{}, ok ? "" : "it could not be read or stored"};
        hears(life, [this, service, saved = std::move(saved)] { deliver(service, saved); });
      });
}

void Orchestrator::do_effect(int service, const Prepare& e) {
  auto& site = world_.site(service, index_of(service, e.target));
  const bool here = !site.target().paths.empty();
  const bool writable =
      !here || (site.host_up && !site.suspended && world_.network.open(World::orchestrator_node, site.host_node));
  using Found = std::optional<SnapshotInfo>;
  world_.call<Found>(
      World::orchestrator_node, World::store_node, Micros(60'000'000),
      [this, service, e, writable](const std::function<void(Found)>& answer) {
        auto& store = world_.stores[static_cast<std::size_t>(service)];
        if (store.down || !writable || (e.seal && !store.seal(*e.seal))) return answer(std::nullopt);
        answer(store.find(e.snapshot));
      },
      [this, service, e, life = life_](const std::optional<Found>& got) {
        const bool ok = got && *got;
        Prepared prepared{e.operation, ok, ok ? **got : SnapshotInfo{}, ok ? "" : "it could not be brought"};
        hears(life, [this, service, prepared = std::move(prepared)] { deliver(service, prepared); });
      });
}

void Orchestrator::do_effect(int service, const Activate& e) {
  auto& site = world_.site(service, index_of(service, e.target));
  world_.call<ActivateAnswer>(
      World::orchestrator_node, site.plane_node(), clock_.truly(site.target().activate_timeout),
      [&site, e](const std::function<void(ActivateAnswer)>& answer) { site.activate(e.epoch, answer); },
      [this, service, e, life = life_](const std::optional<ActivateAnswer>& got) {
        const auto answer = got.value_or(ActivateAnswer{sdk::Status::unknown, "no answer in time"});
        hears(life, [this, service, e, answer] {
          if (answer.status == sdk::Status::ok)
            runner(service).places[index_of(service, e.target)].look = Look{now().wall, true, answer.detail};
          deliver(service, Activated{e.operation, e.target, answer.status, answer.detail});
        });
      });
}

void Orchestrator::do_effect(int service, const Observe& e) { observe(service, e.target); }

void Orchestrator::observe(int service, const TargetId& target) {
  auto& site = world_.site(service, index_of(service, target));
  world_.call<Observed>(
      World::orchestrator_node, site.plane_node(), observe_deadline,
      [&site](const std::function<void(Observed)>& answer) { site.observe(answer); },
      [this, service, target, life = life_](const std::optional<Observed>& got) {
        Observed seen = got.value_or(Observed{target, SiteState::unknown, {}, false, false, "no answer in time"});
        hears(life, [this, service, target, seen = std::move(seen)]() mutable {
          auto& place = runner(service).places[index_of(service, target)];
          place.look = Look{now().wall, seen.reachable, seen.detail};
          seen.passed = place.probe.passed;
          deliver(service, seen);
        });
      });
}

void Orchestrator::observe_others(int service) {
  for (const auto& t : world_.service(service).targets) observe(service, t.id);
  later(world_.service(service).observe_every, [this, service] { observe_others(service); });
}

void Orchestrator::do_effect(int service, const Arm& e) {
  auto& armed = runner(service).armed[static_cast<int>(e.kind)];
  const auto this_one = ++armed;
  later(e.after, [this, service, e, this_one] {
    if (runner(service).armed[static_cast<int>(e.kind)] == this_one) deliver(service, TimerFired{e.kind, e.generation});
  });
}

void Orchestrator::do_effect(int, const Tell&) {
  later(Millis(25), [this] { send_due(); });
}
void Orchestrator::do_effect(int, const Answer&) {}

// ---- state --------------------------------------------------------------------------------------------------------

void Orchestrator::push_periodically(int service) {
  const auto& of = world_.service(service);
  if (!of.state) return;
  later(of.state->every, [this, service] {
    push_periodically(service);
    const auto& s = runner(service).state;
    const bool serving = (s.phase == Phase::active || s.phase == Phase::suspect) && s.running;
    const auto* target = world_.service(service).find(s.active);
    if (!serving || target == nullptr || target->paths.empty()) return;
    world_.orchestrator_pushes(world_.site(service, index_of(service, s.active)), s.epoch, now().wall);
  });
}

// ---- leases -------------------------------------------------------------------------------------------------------

void Orchestrator::renewal(int service, const lease::Renewal& ask, Renewed answer) {
  hears(life_, [this, service, ask, answer = std::move(answer)]() mutable {
    const auto id = next_command_++;
    runner(service).renewals.emplace(id, std::move(answer));
    deliver(service, LeaseAsked{id, ask});
  });
}

void Orchestrator::do_effect(int service, const LeaseAnswer& e) {
  auto& renewals = runner(service).renewals;
  const auto it = renewals.find(e.id);
  if (it == renewals.end()) return;
  const auto answer = std::move(it->second);
  renewals.erase(it);
  answer(e);
}

}  // namespace understudy::sim
