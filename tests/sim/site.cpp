#include "tests/sim/site.hpp"

#include <utility>

#include "tests/sim/world.hpp"

namespace understudy::sim {
namespace {

constexpr Millis supervisor_restarts_after{5'000}, start_takes_at_most{20'000};

std::string epoch_text(Epoch epoch) { return "epoch " + std::to_string(epoch.value); }

}  // namespace

Site::Site(World& world, int of_service, const config::Target& target, const TargetSetup& place, int node)
    : service(of_service),
      cloud(place.cloud),
      holds_over(place.holds_over),
      host_node(node),
      world_(world),
      target_(target),
      clock_{place.clock_rate},
      guard_(world.service(of_service).lease.renew_every, world.service(of_service).lease.op_timeout) {}

Time Site::local() const { return clock_.at(world_.line.now()); }

void Site::say(const std::string& text) const { world_.story.add(world_.name_of(*this), text); }

// ---- the workload -------------------------------------------------------------------------------------------------

void Site::start(Epoch epoch, bool by_itself) {
  run_ = Workload{world_.next_id++, epoch, true, by_itself, false, {}, {}};
  if (lie_ && epoch <= lie_->first) run_->lied_about = lie_->second;  // it had its lease before the lie
  label_ = epoch;
  if (world_.story.on)
    say("the workload starts with " + epoch_text(epoch) + (by_itself ? ", by itself: nobody asked for it" : ""));
  world_.runs_changed(service);
}

void Site::end(const std::string& why) {
  if (!run_) return;
  run_.reset();
  ended_at_ = world_.line.now();
  if (world_.story.on) say("the workload has ended: " + why);
  world_.runs_changed(service);
}

Time Site::wrote_until() const { return run_ ? world_.line.now() : ended_at_; }

void Site::kill(Millis within, const std::string& why, std::function<void()> then) {
  if (!run_) return then();
  run_->ending = true;
  const auto id = run_->id;
  const bool worst = world_.sites_dice.chance(0.3);
  const Micros takes(worst ? Micros(within).count() : world_.sites_dice.between(0, Micros(within).count()));
  world_.line.after(clock_.truly(takes), [this, id, why, then = std::move(then)] {
    if (run_ && run_->id == id && !suspended) end(why);
    if (!run_ || run_->id != id) then();
  });
}

// ---- the control plane --------------------------------------------------------------------------------------------

void Site::carry_out(std::function<void()> work) {
  if (stuck) return parked_.push_back(std::move(work));
  work();
}

void Site::set_stuck(bool now_stuck) {
  stuck = now_stuck;
  if (stuck) return;
  for (auto& work : std::exchange(parked_, {})) work();
}

void Site::activate(Epoch epoch, std::function<void(ActivateAnswer)> answer) {
  carry_out([this, epoch, answer = std::move(answer)] {
    if (!cloud && (!host_up || suspended)) return;
    if (run_ && run_->epoch == epoch && !run_->ending) return answer({sdk::Status::ok, "runs already"});
    if ((run_ && run_->epoch > epoch) || ended >= epoch)
      return answer({sdk::Status::conflict, "a newer epoch was here"});
    if (refused_ == epoch) return answer({sdk::Status::transient, "no capacity"});
    if (starting_ == epoch) return answer({sdk::Status::ok, "starts already"});
    if (world_.sites_dice.chance(failing)) {
      if (world_.sites_dice.chance(0.6)) {
        refused_ = epoch;
        return answer({sdk::Status::transient, "no capacity"});
      }
      if (world_.sites_dice.chance(0.5)) return answer({sdk::Status::unknown, "the connection broke"});
      told_to_run(epoch);
      return answer({sdk::Status::unknown, "the connection broke"});
    }
    told_to_run(epoch);
    answer({sdk::Status::ok, "starting"});
  });
}

void Site::told_to_run(Epoch epoch) {
  if (starting_ == epoch) return;
  starting_ = epoch;
  const auto boot = boots_;
  const Micros longest = world_.sites_dice.chance(0.5) ? Micros(500'000) : Micros(start_takes_at_most);
  world_.line.after(Micros(world_.sites_dice.between(50'000, longest.count())), [this, epoch, boot] {
    if (starting_ != epoch) return;
    starting_.reset();
    const bool gone = !host_up || suspended || boot != boots_;
    if (ended >= epoch || gone || (run_ && run_->epoch > epoch)) return;
    if (guarded()) {
      if (!guard_can_act()) return;
      end("a newer epoch is to run here");
      if (world_.story.on) say("the guard is to run " + epoch_text(epoch) + ", and asks for its lease");
      guard_.want(epoch, local());
      watchdog_deadline_.reset();
      return schedule_guard();
    }
    end("a newer epoch is to run here");
    start(epoch, false);
  });
}

void Site::deactivate(Epoch epoch, Millis grace, std::function<void(bool, std::string)> answer) {
  carry_out([this, epoch, grace, answer = std::move(answer)] {
    if (!cloud && (!host_up || suspended)) return;
    if (run_ && run_->epoch > epoch) return answer(false, "a newer epoch runs here");
    if (lies) {
      lie_ = {epoch, world_.line.now()};
      if (run_ && !run_->lied_about) run_->lied_about = world_.line.now();
      if (world_.story.on) say("the control plane lies: \"stopped\"");
      return answer(true, "stopped");
    }
    if (world_.sites_dice.chance(failing)) return answer(false, "the stop was accepted, and nothing was seen to stop");
    ended = std::max(ended, epoch);
    starting_.reset();
    if (!host_up) return answer(true, "the machine is off");
    if (cloud && suspended) {  // the provider ends the whole machine
      guard_.forget();
      end("its provider ended the machine");
      return answer(true, "stopped");
    }
    if (guarded() && guard_can_act()) {
      kill(grace, "it was told to", [this, answer] {
        if (!guard_can_act()) return;
        if (guard_.wanted() && *guard_.wanted() <= ended) guard_.forget();
        answer(true, "stopped");
      });
      return;
    }
    if (suspended || (guarded() && !cloud && run_)) return;  // nobody there to do it
    if (guard_.wanted() && *guard_.wanted() <= ended) guard_.forget();
    kill(grace, "it was told to", [answer] { answer(true, "stopped"); });
  });
}

void Site::observe(std::function<void(failover::Observed)> answer) {
  if (stuck || (!cloud && (!host_up || suspended))) return;
  using failover::SiteState;
  failover::Observed out;
  out.target = target_.id;
  out.state = SiteState::stopped;
  if (run_ && host_up) {
    out.state = run_->ending ? SiteState::stopping : SiteState::active;
    if (run_->epoch.value > 0) out.epoch = run_->epoch;
  } else if (starting_ || (guard_up && guard_.wanted() && *guard_.wanted() > ended)) {
    out.state = SiteState::starting;
    out.epoch = starting_ ? *starting_ : *guard_.wanted();
  }
  if (lies) out.state = SiteState::stopped, out.epoch.reset();
  answer(std::move(out));
}

std::optional<CheckReport> Site::check() const {
  if (!host_up || suspended) return std::nullopt;
  if (untellable) return CheckReport{Outcome::unknown, "the check cannot tell", true, false, {}};
  if (serves() && degraded) return CheckReport{Outcome::degraded, "200 OK, slowly", true, false, {}};
  if (serves()) return CheckReport{Outcome::pass, "200 OK", true, false, {}};
  if (runs() && !run_->ending) return std::nullopt;  // it hangs
  return CheckReport{Outcome::fail, "connection refused", true, false, {}};
}

// ---- the guard and its watchdog -----------------------------------------------------------------------------------

void Site::schedule_guard() {
  const auto next = guard_.next();
  if (!next) return;
  const auto turn = ++guard_wakes_;
  world_.line.at(clock_.when(*next), [this, turn] {
    if (turn == guard_wakes_) guard_looks();
  });
}

void Site::guard_looks() {
  if (!guard_can_act()) return;  // looks again when it can
  const auto now = local();
  if (guard_.deadline() && !guard_.holds(now)) {
    if (holds_over) {
      if (world_.story.on && run_ && !held_over_) say("the lease ran out, and the workload goes on");
      held_over_ = guard_.wanted();
    } else {
      lease_over("its lease ran out");
    }
    guard_.want(*guard_.wanted(), now);
  }
  if (guard_.due(now)) {
    const auto renewal = guard_.sent(now);
    sent_at_ = now;
    const lease::Renewal ask{target_.id, *guard_.wanted(), world_.service(service).lease.kill_time, holds_over,
                             instance()};
    world_.send(host_node, World::orchestrator_node,
                [this, ask, renewal] { world_.renewal_arrives(*this, ask, renewal); });
  }
  schedule_guard();
}

void Site::lease_over(const std::string& why) {
  watchdog_deadline_.reset();
  ++petted_;
  held_over_.reset();
  kill(world_.service(service).lease.kill_time, why, [] {});
}

void Site::renewed(std::uint64_t renewal, const failover::LeaseAnswer& answer) {
  using Verdict = lease::Judgement::Verdict;
  if (!guard_can_act()) return;
  const auto now = local();
  if (answer.judgement.verdict == Verdict::undecided) {
    guard_.failed(renewal, now);
  } else if (answer.judgement.verdict != Verdict::granted) {
    if (guard_.refused(renewal, now)) lease_over(answer.judgement.why);
  } else if (counts(renewal, answer.ttl, now)) {
    held_over_.reset();
    if (!holds_over) pet_watchdog();
    if (!run_ && *guard_.wanted() > ended) start(*guard_.wanted(), false);
  }
  schedule_guard();
}

/// Whether the answer gives a lease: that is the guard's to say, unless a planted bug says it.
bool Site::counts(std::uint64_t renewal, Millis ttl, Time now) {
  if (world_.mutation == Mutation::deadline_from_answer) ttl += std::chrono::duration_cast<Millis>(now - sent_at_);
  if (guard_.granted(renewal, ttl, now)) return true;
  if (world_.mutation != Mutation::late_answer_revives || !guard_.wanted()) return false;
  return guard_.granted(guard_.sent(now), ttl, now);
}

void Site::pet_watchdog() {
  watchdog_deadline_ = guard_.deadline();
  const auto petted = ++petted_;
  world_.line.at(clock_.when(*watchdog_deadline_), [this, petted] { watchdog_looks(petted); });
}

/// It needs no guard, and looks at once when its host wakes.
void Site::watchdog_looks(std::uint64_t petted) {
  if (petted != petted_ || !watchdog_deadline_ || suspended || !host_up) return;
  if (local() < *watchdog_deadline_) return;
  watchdog_deadline_.reset();
  if (run_ && !run_->ending && world_.mutation != Mutation::no_watchdog)
    kill(world_.service(service).lease.kill_time, "the watchdog: its lease ran out", [] {});
}

// ---- faults -------------------------------------------------------------------------------------------------------

void Site::process_dies(bool restarted) {
  if (!runs()) return;
  const auto epoch = run_->epoch;
  const bool by_itself = run_->by_itself;
  end("it crashed");
  if (!restarted) return;
  const auto boot = boots_;
  world_.line.after(supervisor_restarts_after, [this, epoch, boot, by_itself] {
    if (run_ || starting_ || boot != boots_ || !host_up || suspended || ended >= epoch) return;
    if (guarded() && !(guard_can_act() && guard_.wanted() == epoch && may_run())) return;
    start(epoch, by_itself);
  });
}

void Site::host_dies() {
  host_up = false;
  suspended = false;
  ++boots_;
  ++petted_;
  ++guard_wakes_;
  starting_.reset();
  guard_.forget();
  held_over_.reset();
  watchdog_deadline_.reset();
  if (world_.story.on) say("the host loses its power");
  end("its host is off");
}

void Site::host_returns(bool by_itself) {
  host_up = true;
  guard_up = true;
  guard_frozen = false;
  if (world_.story.on) say("the host is up again");
  if (guarded()) {
    // A guard that remembers what it ran asks again; whether it may is the register's to say.
    if (label_.value > 0 && by_itself) {
      if (world_.mutation == Mutation::returned_guard_runs) return start(label_, false);
      guard_.want(label_, local());
      schedule_guard();
    }
    return;
  }
  if (by_itself) starts_by_itself();
}

void Site::starts_by_itself() {
  if (run_ || !host_up || suspended || guarded()) return;
  start(label_, true);
}

void Site::suspend() {
  if (!host_up || suspended) return;
  suspended = true;
  if (world_.story.on) say("the host is suspended");
  world_.runs_changed(service);
}

void Site::wake() {
  if (!suspended) return;
  suspended = false;
  if (world_.story.on) say("the host wakes");
  if (run_) {
    run_->woken = world_.line.now();
    if (run_->ending) end("it was told to, before its host slept");
  }
  world_.runs_changed(service);
  watchdog_looks(petted_);
  guard_looks();
}

void Site::freeze_guard(bool frozen) {
  guard_frozen = frozen;
  if (world_.story.on) say(frozen ? "the guard is stopped (SIGSTOP)" : "the guard goes on");
  if (!frozen) guard_looks();
}

/// Its watchdog ends the workload when the lease is over; a new guard ends what it did not start.
void Site::guard_dies() {
  guard_up = false;
  guard_.forget();
  held_over_.reset();
  ++guard_wakes_;
  if (world_.story.on) say("the guard is killed");
  guard_starts_again();
}

void Site::guard_starts_again() {
  world_.line.after(Micros(world_.sites_dice.between(5'000'000, 60'000'000)), [this, boot = boots_] {
    if (boot != boots_ || !host_up) return;
    if (suspended) return guard_starts_again();
    guard_up = true;
    if (run_ && !run_->ending) lease_over("the new guard ends what it did not start");
    if (label_.value == 0 || ended >= label_) return;
    guard_.want(label_, local());
    schedule_guard();
  });
}

void Site::set_serving(bool serves) {
  if (!run_ || run_->serves == serves) return;
  run_->serves = serves;
  if (world_.story.on) say(serves ? "the workload serves again" : "the workload hangs");
}

}  // namespace understudy::sim
