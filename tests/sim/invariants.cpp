#include "tests/sim/invariants.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "tests/sim/world.hpp"

namespace understudy::sim {
namespace {

using namespace failover;

template <class T>
const T* only(const Event& event) {
  return std::get_if<T>(&event);
}

template <class T>
bool has_effect(const Step& step) {
  return std::ranges::any_of(step.effects, [](const Effect& e) { return std::holds_alternative<T>(e); });
}

bool accepted(const Stored& stored) {
  return std::ranges::any_of(stored.step.effects, [](const Effect& e) {
    const auto* answer = std::get_if<Answer>(&e);
    return answer != nullptr && answer->status == sdk::Status::ok;
  });
}

std::string epoch_text(Epoch epoch) { return "epoch " + std::to_string(epoch.value); }

/// How long a lease can keep a workload going that nobody renews: on the slowest clock, with the kill.
Micros longest_unrenewed(const lease::Terms& terms) {
  return on_slowest(terms.ttl + terms.kill_time, terms.clock_error);
}

/// SAFETY.md's W, written out again, without what rounding and margin add: the guard's host, whose clock may be the
/// slowest, holds for the lease and kills, and ours, by which we wait, may be the fastest.
bool waited_out(const lease::Terms& terms, Micros waited) {
  const double held_us = static_cast<double>(Micros(terms.ttl + terms.kill_time).count()) / (1 - terms.clock_error);
  constexpr double inexact_us = 1;
  return static_cast<double>(waited.count()) + inexact_us >= held_us * (1 + terms.clock_error);
}

/// I1: at most one site runs a service. Not counted are
/// - what a person has accepted with --force;
/// - an unguarded workload that its host starts by itself after it was stopped: no protocol can forbid that (I7 sees to
///   it that it is stopped and told);
/// - a guarded workload about which its control plane lies, as long as its lease can last: a lie about a confirmed stop
/// is
///   outside the bounds of I1 (SAFETY.md: "a confirmed stop skips W"), but the guard must end it in time;
/// - a workload whose host has just woken, for the kill time: its pushes are refused meanwhile (I5).
class I1OneSite : public Invariant {
 public:
  I1OneSite() : Invariant("I1") {}
  void on_runs_changed(const World& world, int service) override { check(world, service); }
  void on_tick(const World& world) override {
    for (int i = 0; i < world.services(); ++i) check(world, i);
  }

 private:
  static bool counts(const World& world, int service, const Site& site) {
    if (!site.runs()) return false;
    const auto& run = *site.workload();
    const auto& terms = world.service(service).lease;
    const auto now = world.line.now();
    if (run.by_itself || run.epoch < world.forced[static_cast<std::size_t>(service)]) return false;
    if (run.lied_about && (!site.guarded() || now - *run.lied_about <= longest_unrenewed(terms))) return false;
    return !run.woken || now - *run.woken > on_slowest(terms.kill_time, terms.clock_error);
  }
  void check(const World& world, int service) {
    const Site* first = nullptr;
    for (std::size_t i = 0; i < world.service(service).targets.size(); ++i) {
      const auto& site = world.site(service, i);
      if (!counts(world, service, site)) continue;
      if (first != nullptr)
        return breaks(world.name_of(*first) + " (" + epoch_text(first->workload()->epoch) + ") and " +
                      world.name_of(site) + " (" + epoch_text(site.workload()->epoch) + ") run at the same time");
      first = &site;
    }
  }
};

/// I2: epochs strictly rise, also across crashes, and each is one site's: a start is of the newest, and of its site.
class I2EpochsRise : public Invariant {
 public:
  I2EpochsRise() : Invariant("I2") {}
  void on_step(const World& world, const Stored& stored) override {
    for (const auto& record : stored.step.records) {
      const auto* granted = std::get_if<Granted>(&record);
      if (granted == nullptr) continue;
      auto& grants = grants_[stored.service];
      if (!grants.empty() && granted->epoch <= grants.rbegin()->first)
        breaks(world.service(stored.service).id.value + ": " + epoch_text(granted->epoch) + " is granted to " +
               granted->target.value + " after " + epoch_text(grants.rbegin()->first));
      grants[granted->epoch] = granted->target;
    }
  }
  void on_performed(const World&, int service, const Effect& effect) override {
    const auto* activate = std::get_if<Activate>(&effect);
    if (activate == nullptr) return;
    const auto& grants = grants_[service];
    const std::string start = activate->target.value + " is started with " + epoch_text(activate->epoch);
    const auto grant = grants.find(activate->epoch);
    if (grant == grants.end()) return breaks(start + ", which nobody was granted");
    if (grant->second != activate->target) return breaks(start + ", which is " + grant->second.value + "'s");
    if (grant != std::prev(grants.end()))
      breaks(start + " after " + epoch_text(grants.rbegin()->first) + " was granted");
  }

 private:
  std::map<int, std::map<Epoch, TargetId>> grants_;  ///< by service, then epoch
};

/// I3: nothing is granted to another site before the former epoch is proven stopped: a stop that was asked for after
/// its grant and confirmed, a start that certainly had no effect, the wait W, or a person's --force.
class I3ProvenStopped : public Invariant {
 public:
  I3ProvenStopped() : Invariant("I3") {}
  void on_step(const World& world, const Stored& stored) override {
    auto& of = services_[stored.service];
    learn(world, of, stored);
    for (const auto& record : stored.step.records) {
      const auto* granted = std::get_if<Granted>(&record);
      if (granted == nullptr) continue;
      if (!of.holder.empty() && of.holder != granted->target && !of.proven)
        breaks(world.service(stored.service).id.value + ": " + epoch_text(granted->epoch) + " is granted to " +
               granted->target.value + " and nothing proves that " + of.holder.value + " (" + epoch_text(of.epoch) +
               ") is stopped");
      of.holder = granted->target;
      of.epoch = granted->epoch;
      of.proven = of.unknown_start = false;
      of.starts = 0;
      of.revoked.reset();
    }
    for (const auto& record : stored.step.records) {
      if (const auto* intent = std::get_if<Intent>(&record)) remember(of, *intent);
    }
  }

 private:
  struct OfService {
    TargetId holder;
    Epoch epoch;
    bool proven = false, unknown_start = false;
    int starts = 0;
    std::map<std::string, std::pair<TargetId, Epoch>> stops;
    std::optional<Time> revoked;  ///< on the orchestrator's clock; after a crash, since its start
  };
  static void learn_of_lease(const World& world, OfService& of, const Stored& stored) {
    const bool restarted = std::holds_alternative<Started>(stored.event);
    if (stored.before.revoked && (restarted || !of.revoked)) of.revoked = stored.now.mono;
    if (of.revoked && stored.before.move && stored.before.move->from == of.holder) {
      const auto& service = world.service(stored.service);
      const bool waited = waited_out(service.lease, stored.now.mono - *of.revoked);
      of.proven = of.proven || (waited && ends_without_lease(world, stored.service, of.holder));
    }
    if (!of.revoked && stored.step.state.revoked) of.revoked = stored.now.mono;
  }
  static bool ends_without_lease(const World& world, int service, const TargetId& holder) {
    const auto& targets = world.service(service).targets;
    const auto it = std::ranges::find(targets, holder, &config::Target::id);
    if (it == targets.end()) return false;
    const auto& site = world.site(service, static_cast<std::size_t>(it - targets.begin()));
    return site.guarded() && !site.holds_over;
  }
  static void remember(OfService& of, const Intent& intent) {
    if (intent.kind == "fence") of.stops[intent.operation] = {intent.target, intent.epoch};
    if (intent.kind == "activate") ++of.starts;
  }
  static void learn(const World& world, OfService& of, const Stored& stored) {
    learn_of_lease(world, of, stored);
    if (const auto* fenced = only<Fenced>(stored.event); fenced != nullptr && fenced->stopped) {
      const auto it = of.stops.find(fenced->operation);
      of.proven = of.proven || (it != of.stops.end() && it->second.first == of.holder && it->second.second >= of.epoch);
    }
    if (const auto* done = only<Activated>(stored.event);
        done != nullptr && stored.before.move && done->operation == stored.before.move->operation) {
      const bool no_effect = done->status != sdk::Status::ok && done->status != sdk::Status::unknown;
      if (!no_effect) of.unknown_start = true;
      if (no_effect && !of.unknown_start && of.starts == 1) of.proven = true;
    }
    if (std::holds_alternative<Started>(stored.event)) of.unknown_start = true;
    const auto* command = only<Command>(stored.event);
    if (command != nullptr && command->force && accepted(stored))
      of.proven = true;  // of this holder, and of no later one
  }
  std::map<int, OfService> services_;
};

/// I4: no acknowledged snapshot is lost.
class I4SnapshotsStay : public Invariant {
 public:
  I4SnapshotsStay() : Invariant("I4") {}
  void on_tick(const World& world) override {
    for (const auto& store : world.stores) {
      for (const auto& id : store.acknowledged) {
        if (store.of(id) == nullptr)
          return breaks("snapshot " + id.value + " was acknowledged, and the store has it not");
      }
    }
  }
};

/// I5: the store refuses what older epochs write; also before the newest has written anything, when it was started from
/// what was there.
class I5OldWritesRefused : public Invariant {
 public:
  I5OldWritesRefused() : Invariant("I5") {}
  void on_step(const World& world, const Stored& stored) override {
    for (const auto& effect : stored.step.effects) {
      const auto* activate = std::get_if<Activate>(&effect);
      const bool brought = activate != nullptr && !activate->snapshot.empty() &&
                           stored.before.data_at != activate->target && stored.before.phase != Phase::activate;
      if (brought)
        started_[stored.service] = {activate->epoch,
                                    world.stores[static_cast<std::size_t>(stored.service)].kept.size()};
    }
  }
  void on_tick(const World& world) override {
    for (const auto& store : world.stores) {
      Epoch newest;
      for (const auto& kept : store.kept) {
        if (kept.aside) continue;
        if (kept.info.epoch < newest)
          return breaks("snapshot " + kept.info.id.value + " from " + kept.from.value + " was taken after one of " +
                        epoch_text(newest));
        newest = kept.info.epoch;
      }
    }
    for (const auto& [service, started] : started_) late(world.stores[static_cast<std::size_t>(service)], started);
  }

 private:
  struct Started {
    Epoch epoch;
    std::size_t kept = 0;  ///< what the store had then
  };
  void late(const Store& store, const Started& started) {
    for (std::size_t i = started.kept; i < store.kept.size(); ++i) {
      const auto& kept = store.kept[i];
      if (!kept.aside && kept.info.epoch < started.epoch)
        return breaks("snapshot " + kept.info.id.value + " from " + kept.from.value + " was taken after " +
                      epoch_text(started.epoch) + " was started from an older one");
    }
  }
  std::map<int, Started> started_;
};

/// I6: nobody is started with a state that is too old, or is not the newest, unless a person said so.
class I6FreshState : public Invariant {
 public:
  I6FreshState() : Invariant("I6") {}
  void on_step(const World& world, const Stored& stored) override {
    const auto* command = only<Command>(stored.event);
    auto& of = services_[stored.service];
    if (command != nullptr && command->accept_loss && accepted(stored)) of.consent = true;
    for (const auto& effect : stored.step.effects) {
      if (const auto* a = std::get_if<Activate>(&effect)) check(world, of, stored, *a);
      // Taken for well, perhaps only to begin a move in the same step. Not who is watched on in a move that is resumed.
      const auto* watch = std::get_if<Watch>(&effect);
      const bool resumed = only<Started>(stored.event) != nullptr && stored.before.move;
      if (watch != nullptr && watch->mode == Watch::Mode::serving && !resumed) of.served = watch->target;
    }
    if (!stored.step.state.move) of.consent = false;
    const auto& after = stored.step.state;
    if ((after.phase == Phase::active || after.phase == Phase::paused) && after.running) of.served = after.active;
  }
  void on_performed(const World& world, int service, const Effect& effect) override {
    const auto* prepare = std::get_if<Prepare>(&effect);
    if (prepare == nullptr) return;
    auto& of = services_[service];
    of.newest = Store::Kept{};
    for (const auto& kept : world.stores[static_cast<std::size_t>(service)].kept) {
      if (!kept.aside && kept.info.valid && kept.content >= of.newest.content) of.newest = kept;
    }
  }

 private:
  struct OfService {
    bool consent = false;
    TargetId served;     ///< who was last taken for well, or is the first: its own copy is the newest
    Store::Kept newest;  ///< that verified when the state was last asked for
  };
  void check(const World& world, OfService& of, const Stored& stored, const Activate& activate) {
    if (activate.kind == MoveKind::start && of.served.empty()) of.served = activate.target;
    const auto& service = world.service(stored.service);
    const auto& move = stored.before.move ? stored.before.move : stored.step.state.move;
    const bool again = stored.before.phase == Phase::activate;
    if (!service.state || again || of.consent || !move || activate.kind == MoveKind::start) return;
    if (of.served == activate.target) return;
    const auto* kept = world.stores[static_cast<std::size_t>(stored.service)].of(activate.snapshot);
    if (kept == nullptr) return breaks(activate.target.value + " is started without any state, and nobody agreed");
    if (service.state->max_age && stored.now.wall - kept->info.created > *service.state->max_age)
      breaks(activate.target.value + " is started from " + kept->info.id.value + ", which is older than max_age");
    // What counts is what is in it: two saves of a site that is stopped are as good. And a clock that was set may name
    // an older one as the newest.
    const auto* newest = world.stores[static_cast<std::size_t>(stored.service)].of(of.newest.info.id);
    if (newest != nullptr && newest->info.valid && kept->content < newest->content &&
        Store::older(kept->info, newest->info))
      breaks(activate.target.value + " is started from " + kept->info.id.value + " although " + newest->info.id.value +
             " is newer");
  }
  std::map<int, OfService> services_;
};

/// I7: a site that comes back does not stay: whoever runs and should not is stopped as soon as it can be reached, and a
/// guarded one does not even start.
class I7ReturnedStaysPassive : public Invariant {
 public:
  I7ReturnedStaysPassive() : Invariant("I7") {}
  void on_tick(const World& world) override {
    for (int i = 0; i < world.services(); ++i) {
      for (std::size_t t = 0; t < world.service(i).targets.size(); ++t) look(world, i, world.site(i, t));
    }
  }

 private:
  static bool could_be_stopped(const World& world, int service, const Site& site) {
    const auto& o = world.orchestrator;
    if (!world.acts() || !o.up() || o.frozen() || world.journal.full) return false;
    const auto& s = o.state(service);
    const bool at_rest = (s.phase == Phase::active || s.phase == Phase::suspect) && !s.pause && !s.move;
    const bool reachable = world.network.open(World::orchestrator_node, site.plane_node()) &&
                           world.network.open(site.plane_node(), World::orchestrator_node) && world.network.loss == 0 &&
                           !world.network.slow;
    return at_rest && reachable && !site.stuck && !site.lies && site.failing == 0 && site.host_up && !site.suspended &&
           !site.guard_frozen && site.guard_up && s.active != site.target().id;
  }
  void look(const World& world, int service, const Site& site) {
    auto& since = since_[&site];
    if (!site.runs() || !could_be_stopped(world, service, site)) {
      since.reset();
      return;
    }
    if (!since) since = world.line.now();
    const auto& of = world.service(service);
    const Micros bound =
        on_slowest((of.observe_every + site.target().deactivate_timeout + site.target().stop_grace) * 2,
                   of.lease.clock_error) +
        Millis(60'000);
    if (world.line.now() - *since > bound)
      breaks(world.name_of(site) + " runs although " + world.orchestrator.state(service).active.value +
             " is active, can be reached, and is not stopped");
  }
  std::map<const Site*, std::optional<Time>> since_;
};

/// I8: every alert reaches somebody, at least once; who heard that something began hears that it ended; and nobody
/// hears of an incident's end while its beginning waits for the same notifier, unless the others were asked to tell
/// that one.
class I8AlertsArrive : public Invariant {
 public:
  I8AlertsArrive() : Invariant("I8") {}
  void on_alert_stored(const World& world, const Alert& alert) override {
    auto& key = keys_[alert.key()];
    key.last_stored = alert.state;
    if (alert.state == AlertState::firing) key.fired = world.line.now();
    if (alert.state != AlertState::resolved) key.owed[alert.title] = world.line.now();
  }
  void on_delivered(const World& world, const OutboxRow& row) override {
    const Alert& alert = row.alert;
    for (const auto& other : world.journal.outbox) {
      if (other.id < row.id && other.notifier == row.notifier && other.alert.incident == alert.incident &&
          !alert.incident.empty() && !other.handed_over && other.attempt < most_failures)
        breaks("\"" + alert.title + "\" is heard before \"" + other.alert.title + "\"");
    }
    auto& key = keys_[alert.key()];
    key.delivered = world.line.now();
    if (alert.state == AlertState::resolved) key.end_heard = world.line.now();
    if (alert.state == AlertState::firing) key.fire_heard = world.line.now();
    if (alert.state != AlertState::resolved) key.heard[alert.title] = world.line.now();
  }
  void on_end(const World& world) override {
    Millis throttle{0};
    for (const auto& route : world.setup.config.routes) throttle = std::max(throttle, route.throttle);
    for (const auto& [name, key] : keys_) {
      const Micros slack =
          throttle.count() > 0 ? on_slowest(throttle * 2 + world.wall_jumped_back, world.setup.clock_error) : Micros(0);
      for (const auto& [title, stored] : key.owed) check(name, key, title, stored, slack);
      // Attempts that failed may overtake each other, so that the end may be heard first.
      const bool over = key.last_stored == AlertState::resolved && throttle.count() == 0;
      if (over && key.fired && key.fire_heard >= key.fired && key.end_heard < key.fired)
        breaks("people were told that " + name + " fires, and not that it ended");
    }
  }

 private:
  static constexpr int most_failures = 5;  ///< then the others tell it, where there are others
  struct Key {
    std::map<std::string, Time> owed, heard;  ///< by title
    std::optional<Time> delivered, fired, fire_heard, end_heard;
    AlertState last_stored = AlertState::event;
  };
  void check(const std::string& name, const Key& key, const std::string& title, Time stored, Micros slack) {
    const auto heard = key.heard.find(title);
    if (heard != key.heard.end() && heard->second >= stored) return;
    if (slack.count() > 0 && key.delivered && *key.delivered >= stored - slack) return;
    breaks("nobody ever heard \"" + title + "\" (" + name + ")");
  }
  std::map<std::string, Key> keys_;
};

/// I9, first half: what is done was written down before, so that a crash at any record can be survived. (The second
/// half, that it ends in ACTIVE or HOLD, is what the run's end judges: liveness.)
class I9JournalBeforeAct : public Invariant {
 public:
  I9JournalBeforeAct() : Invariant("I9") {}
  void on_performed(const World& world, int service, const Effect& effect) override {
    const auto& journal = world.journal.services[static_cast<std::size_t>(service)];
    const auto check = [&](const std::string& operation) {
      if (!journal.intents.contains(operation)) breaks(operation + " is tried, and the journal does not know of it");
    };
    if (const auto* e = std::get_if<Fence>(&effect)) check(e->operation);
    if (const auto* e = std::get_if<Save>(&effect)) check(e->operation);
    if (const auto* e = std::get_if<Prepare>(&effect)) check(e->operation);
    if (const auto* e = std::get_if<Activate>(&effect)) {
      check(e->operation);
      if (journal.last_epoch < e->epoch.value)
        breaks(epoch_text(e->epoch) + " is used, and the journal does not know of it");
    }
  }
};

/// I10: while paused no move begins, nothing is granted and no intruder is touched (what was under way when the pause
/// came goes on to the gate); in mode "observe" nothing is touched at all.
class I10PauseHasNoEffect : public Invariant {
 public:
  I10PauseHasNoEffect() : Invariant("I10") {}
  void on_started(const World&) override {
    for (auto& [service, until] : paused_) ++until.lives;
  }
  void on_step(const World& world, const Stored& stored) override {
    const auto& step = stored.step;
    const bool touches =
        has_effect<Fence>(step) || has_effect<Save>(step) || has_effect<Prepare>(step) || has_effect<Activate>(step);
    if (!world.acts() && touches) breaks("mode is \"observe\", and something is touched");
    auto it = paused_.find(stored.service);
    if (it != paused_.end() && over(it->second, stored)) {
      paused_.erase(it);
      it = paused_.end();
    }
    if (it != paused_.end()) check(world, stored);
    learn(stored);
  }

 private:
  struct Until {
    Time mono;
    WallTime wall;
    int lives = 0;
  };
  static bool over(const Until& until, const Stored& stored) {
    const auto* timer = only<TimerFired>(stored.event);
    if (timer != nullptr && timer->kind == TimerKind::pause) return true;
    return stored.now.mono >= until.mono || (until.lives > 0 && stored.now.wall >= until.wall);
  }
  void learn(const Stored& stored) {
    const auto* command = only<Command>(stored.event);
    if (command == nullptr || !accepted(stored)) return;
    if (command->what == Command::What::resume) paused_.erase(stored.service);
    if (command->what == Command::What::pause)
      paused_[stored.service] = {stored.now.mono + command->pause_for, stored.now.wall + command->pause_for, 0};
  }
  void check(const World& world, const Stored& stored) {
    const auto* command = only<Command>(stored.event);
    if (command != nullptr) return;  // a resume is learned below; the machine refuses moves
    const auto& name = world.service(stored.service).id.value;
    if (!stored.before.move && stored.step.state.move) breaks(name + " is paused, and a move begins");
    const bool granted =
        std::ranges::any_of(stored.step.records, [](const Record& r) { return std::holds_alternative<Granted>(r); });
    // Or what began before is given up: who serves again goes on, and its agent is told the epoch that it has now.
    const auto& after = stored.step.state;
    const bool given_up = stored.before.move && !after.move && after.active == stored.before.active &&
                          after.last_move && after.last_move->result == "cancelled";
    if (granted && has_effect<Activate>(stored.step) && !given_up) breaks(name + " is paused, and an epoch is granted");
    for (const auto& effect : stored.step.effects) {
      const auto* fence = std::get_if<Fence>(&effect);
      if (fence != nullptr && !stored.before.move)
        breaks(name + " is paused, and " + fence->target.value + " is stopped");
    }
  }
  std::map<int, Until> paused_;
};

/// I11: failovers that nobody asked for are bounded in any window.
class I11FailoversBounded : public Invariant {
 public:
  I11FailoversBounded() : Invariant("I11") {}
  void on_step(const World& world, const Stored& stored) override {
    auto& begun = begun_[stored.service];
    const auto* command = only<Command>(stored.event);
    if (allows_more(stored)) begun.clear();
    const bool begins = !stored.before.move && stored.step.state.move &&
                        stored.step.state.move->kind == MoveKind::failover && command == nullptr;
    if (!begins) return;
    const auto& limits = world.service(stored.service).limits;
    const Micros window = limits.window - world.wall_jumped_forward - Millis(1'000);
    begun.push_back(stored.now.mono);
    std::erase_if(begun, [&](Time t) { return stored.now.mono - t > window; });
    if (static_cast<int>(begun.size()) > limits.max_failovers)
      breaks(world.service(stored.service).id.value + " failed over " + std::to_string(begun.size()) +
             " times within " + std::to_string(limits.window.count() / 60'000) + " min; " +
             std::to_string(limits.max_failovers) + " are allowed");
  }

 private:
  /// A person ends a hold from before a plan. No other command says anything of what was counted.
  static bool allows_more(const Stored& stored) {
    const auto* command = only<Command>(stored.event);
    return command != nullptr && command->what == Command::What::resume && accepted(stored) &&
           stored.before.phase == Phase::hold && stored.before.hold_from == Phase::plan &&
           stored.step.state.phase == Phase::plan;
  }
  std::map<int, std::vector<Time>> begun_;
};

/// Nobody is taken down whose checks do not really fail (patroni #1593, #3403, #3572): what they found is counted here
/// once more. Unknown is no failure, nor is one while our own network does not work.
class NoNeedlessFailover : public Invariant {
 public:
  NoNeedlessFailover() : Invariant("needless") {}
  void on_started(const World&) override { found_.clear(); }
  using Outcome = understudy::Outcome;
  void on_probed(const World& world, int service, const TargetId& target, Outcome outcome, bool network_ok) override {
    auto& of = found_[{service, target}];
    if (outcome == Outcome::unknown || (outcome == Outcome::fail && !network_ok)) return;
    const auto& detect = world.service(service).detect;
    const bool failed = outcome == Outcome::fail;
    of.fails = failed ? of.fails + 1 : 0;
    of.passes = failed ? 0 : of.passes + 1;
    // Who keeps going up and down has to pass more often.
    constexpr int damping = 4;
    of.down = of.fails >= detect.fall || (of.down && of.passes < detect.rise * damping);
  }
  void on_step(const World& world, const Stored& stored) override {
    const auto& move = stored.step.state.move;
    if (stored.before.move || !move || move->kind != MoveKind::failover || only<Command>(stored.event) != nullptr)
      return;
    const auto& of = found_[{stored.service, move->origin}];
    if (!of.down)
      breaks(world.service(stored.service).id.value + " fails over, and the checks of " + move->origin.value +
             " did not fail " + std::to_string(world.service(stored.service).detect.fall) + " times");
  }

 private:
  struct Found {
    int fails = 0, passes = 0;
    bool down = false;
  };
  std::map<std::pair<int, TargetId>, Found> found_;
};

/// I12: a service that is blocked, in whichever phase, says so, says what unblocks it, and says it again.
class I12BlockIsTold : public Invariant {
 public:
  I12BlockIsTold() : Invariant("I12") {}
  void on_started(const World& world) override { awake_ = world.orchestrator.now().mono; }
  void on_step(const World& world, const Stored& stored) override {
    auto& told = told_[stored.service];
    for (const auto& effect : stored.step.effects) {
      const auto* tell = std::get_if<Tell>(&effect);
      if (tell == nullptr || tell->alert.kind != "blocked") continue;
      told.reset();
      if (tell->alert.state == AlertState::firing) told = stored.now.mono;
    }
    const auto& s = stored.step.state;
    const auto& name = world.service(stored.service).id.value;
    if (s.phase == Phase::hold && !s.blocked) breaks(name + " is held, and nothing says why");
    if (!s.blocked) return;
    if (!told) breaks(name + " is blocked by " + s.blocked->by + ", and nobody was told");
    if (s.blocked->unblock.empty()) breaks(name + " is blocked, and nothing says what unblocks it");
  }
  void on_tick(const World& world) override {
    const auto& o = world.orchestrator;
    const bool writes = o.up() && !o.frozen() && !world.journal.full;
    if (!writes) {
      awake_.reset();
      return;
    }
    const Time now = o.now().mono;
    if (!awake_) awake_ = now;
    for (int i = 0; i < world.services(); ++i) {
      const auto& told = told_[i];
      const auto& blocked = o.state(i).blocked;
      if (!told || !blocked) continue;
      if (now - std::max(*told, *awake_) > world.service(i).limits.remind_every + Millis(20'000))
        breaks(world.service(i).id.value + " is blocked by " + blocked->by + ", and nobody was reminded");
    }
  }

 private:
  std::map<int, std::optional<Time>> told_;  ///< on the orchestrator's clock, as all here
  std::optional<Time> awake_;
};

}  // namespace

Invariants::Invariants(std::set<std::string> without) : without_(std::move(without)) {
  all_.push_back(std::make_unique<I9JournalBeforeAct>());  // before I2, which sees it too
  all_.push_back(std::make_unique<I1OneSite>());
  all_.push_back(std::make_unique<I2EpochsRise>());
  all_.push_back(std::make_unique<I3ProvenStopped>());
  all_.push_back(std::make_unique<I4SnapshotsStay>());
  all_.push_back(std::make_unique<I5OldWritesRefused>());
  all_.push_back(std::make_unique<I6FreshState>());
  all_.push_back(std::make_unique<I7ReturnedStaysPassive>());
  all_.push_back(std::make_unique<I8AlertsArrive>());
  all_.push_back(std::make_unique<I10PauseHasNoEffect>());
  all_.push_back(std::make_unique<I11FailoversBounded>());
  all_.push_back(std::make_unique<I12BlockIsTold>());
  all_.push_back(std::make_unique<NoNeedlessFailover>());
  std::erase_if(all_, [&](const auto& one) { return without_.contains(one->invariant); });
}

std::set<std::string> Invariants::names() {
  std::set<std::string> out{"liveness", "machine", "worst_case"};
  for (const auto& one : Invariants({}).all_) out.insert(one->invariant);
  return out;
}

void Invariants::stepped(const World& world, const Stored& stored) {
  each([&](Invariant& i) { i.on_step(world, stored); });
}
void Invariants::performed(const World& world, int service, const Effect& effect) {
  each([&](Invariant& i) { i.on_performed(world, service, effect); });
}
void Invariants::runs_changed(const World& world, int service) {
  each([&](Invariant& i) { i.on_runs_changed(world, service); });
}
void Invariants::started(const World& world) {
  each([&](Invariant& i) { i.on_started(world); });
}
void Invariants::probed(const World& world, int service, const TargetId& target, understudy::Outcome outcome,
                        bool network_ok) {
  each([&](Invariant& i) { i.on_probed(world, service, target, outcome, network_ok); });
}
void Invariants::alert_stored(const World& world, const Alert& alert) {
  each([&](Invariant& i) { i.on_alert_stored(world, alert); });
}
void Invariants::delivered(const World& world, const OutboxRow& row) {
  each([&](Invariant& i) { i.on_delivered(world, row); });
}
void Invariants::tick(const World& world) {
  each([&](Invariant& i) { i.on_tick(world); });
}
void Invariants::end(const World& world) {
  each([&](Invariant& i) { i.on_end(world); });
}
void Invariants::add(Violation violation) {
  if (!violation_ && !without_.contains(violation.invariant)) violation_ = std::move(violation);
}

}  // namespace understudy::sim
