// The orchestrator's process: the pure core, fed with events and obeyed, as core/runtime does it, on virtual time. It
// can die at any write to its journal, be stopped and go on, and find its disk full.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/alerts/board.hpp"
#include "core/detect/detector.hpp"
#include "core/failover/machine.hpp"
#include "core/lease/renewal.hpp"
#include "core/policy/plan.hpp"
#include "tests/sim/clock.hpp"
#include "tests/sim/journal.hpp"

namespace understudy::sim {

class World;
class Site;

class Orchestrator {
 public:
  Orchestrator(World& world, double clock_rate);

  void start();
  void crash(Micros until_started_again);
  void set_frozen(bool frozen);
  void wall_jumps(Millis by) { wall_ahead_ += by; }
  /// The next write to the journal that changes a service ends in a crash: before it, after it, or after some effects.
  void crash_at_next_write() { crash_at_write_ = true; }
  void command(int service, failover::Command command);
  using Renewed = std::function<void(const failover::LeaseAnswer&)>;
  /// A guard's request has arrived.
  void renewal(int service, const lease::Renewal& ask, Renewed answer);

  [[nodiscard]] bool up() const noexcept { return up_; }
  [[nodiscard]] bool frozen() const noexcept { return frozen_; }
  [[nodiscard]] std::uint64_t life() const noexcept { return life_; }
  [[nodiscard]] const failover::State& state(int service) const {
    return runners_[static_cast<std::size_t>(service)].state;
  }
  [[nodiscard]] failover::Now now() const;
  [[nodiscard]] bool quiet() const;  ///< no event waits
  /// True time that passes while its clock shows that `local` has passed.
  [[nodiscard]] Micros takes(Micros local) const { return clock_.truly(local); }
  std::uint64_t steps = 0;
  std::uint64_t crash_points = 0;  ///< passed: before each write that changes a service, and after each of its effects
  std::uint64_t crash_at = 0;      ///< dies at this one; 0: at none

 private:
  struct Look {
    WallTime at{};
    bool reachable = false;
    std::string detail;
  };
  struct Probe {
    enum class Mode { idle, serving, verifying };
    detect::Detector detector;
    Mode mode = Mode::idle;
    Time asked{};
    std::optional<Time> passed;
    std::uint64_t generation = 0;
  };
  struct Place {
    std::optional<Look> look;
    Probe probe;
  };
  struct Runner {
    failover::State state;
    std::deque<failover::Event> queue;
    std::vector<Place> places;
    bool pumping = false, stuck = false;
    std::uint64_t armed[failover::timer_count] = {};
    std::map<std::uint64_t, Renewed> renewals;
  };
  struct Desk {
    alerts::Router router;
    alerts::Board board;
  };

  // the process
  void later(Micros local, std::function<void()> then);
  /// Runs `then` when the process of this life can; never, when that life is over.
  void hears(std::uint64_t life, std::function<void()> then);

  // one service
  void deliver(int service, failover::Event event);
  void pump(int service);
  [[nodiscard]] failover::Step advance(int service, const failover::Event& event, const failover::Now& at);
  [[nodiscard]] failover::Step step(int service, failover::State state, const failover::Event& event,
                                    const failover::Now& at);
  [[nodiscard]] bool store(int service, const failover::State& before, const failover::Event& event,
                           const failover::Step& step, const failover::Now& at);
  void write(int service, const failover::Step& step, const failover::Now& at);
  void perform_all(int service, const failover::Step& step);
  void perform(int service, const failover::Effect& effect);
  void do_effect(int service, const failover::MakePlan& e);
  void do_effect(int service, const failover::Fence& e);
  void do_effect(int service, const failover::Save& e);
  void do_effect(int service, const failover::Prepare& e);
  void do_effect(int service, const failover::Activate& e);
  void do_effect(int service, const failover::Observe& e);
  void do_effect(int service, const failover::Watch& e);
  void do_effect(int service, const failover::Arm& e);
  void do_effect(int service, const failover::Tell& e);
  void do_effect(int service, const failover::Answer& e);
  void do_effect(int service, const failover::LeaseAnswer& e);
  [[nodiscard]] failover::PlanMade make_plan(int service, const failover::MakePlan& ask) const;
  [[nodiscard]] policy::Candidate candidate(int service, std::size_t target, const failover::MakePlan& ask) const;
  void observe(int service, const TargetId& target);
  void observe_others(int service);
  void push_periodically(int service);

  // detection
  /// `starting`: what runs there may just be starting again.
  void set_mode(int service, std::size_t target, Probe::Mode mode, bool starting);
  void probe_round(int service, std::size_t target, std::uint64_t generation);
  void probe_soon(int service, std::size_t target);
  void probe_answered(int service, std::size_t target, std::uint64_t generation, CheckReport report);

  // alerts
  void queue_alert(const Alert& alert, WallTime at);
  void queue(const NotifierId& to, const Alert& alert, WallTime not_before);
  void keep(const std::string& key);
  void look_at_clock();
  void send_due();
  /// `tried`: what a notifier that fails did not take many times, which comes last.
  void send_due(bool tried, std::vector<NotifierId>& busy);
  [[nodiscard]] bool waits_for_older(OutboxRow& row);
  void send(OutboxRow& row);
  void sent(std::uint64_t row, Taken taken);
  [[nodiscard]] bool tried_again(std::uint64_t row, Taken taken);
  void hand_over(std::uint64_t row, bool down);
  void remind();

  /// Passes a point; true: this is where it is to die.
  [[nodiscard]] bool dies_here() { return ++crash_points == crash_at; }
  void crash_at_point(const std::string& what);
  [[nodiscard]] Runner& runner(int service) { return runners_[static_cast<std::size_t>(service)]; }
  [[nodiscard]] std::size_t index_of(int service, const TargetId& target) const;

  World& world_;
  Clock clock_;
  Millis wall_ahead_{1'800'000'000'000};
  bool up_ = false, frozen_ = false, crash_at_write_ = false;
  std::uint64_t life_ = 0, next_command_ = 1;
  std::vector<Runner> runners_;
  Desk desk_;
  std::optional<Millis> seen_ahead_;            ///< wall_ahead_ when alerts last looked since the start
  std::set<NotifierId> failing_;                ///< notifiers that did not take the last alert since the start
  std::vector<std::function<void()>> waiting_;  ///< while frozen
};

}  // namespace understudy::sim
