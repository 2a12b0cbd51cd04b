// One rehearsal in progress. Internal to this room.
//
// Who does what: the world (places, faults) is true; the machine believes what probes and observations tell it; the
// books write down what is true. Observations and snapshots are periodic and, while nothing changes, tell nothing new:
// they are computed or left out then, which is exact, because both follow a fixed grid.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/failover/machine.hpp"
#include "core/policy/meter.hpp"
#include "core/policy/plan.hpp"
#include "core/rehearse/books.hpp"
#include "core/rehearse/probing.hpp"
#include "core/rehearse/rehearse.hpp"

namespace understudy::rehearse {

class Play {
 public:
  Play(const config::Service& service, const Assumptions& assumptions, const std::vector<Fault>& faults,
       std::uint64_t seed);
  [[nodiscard]] Report run(Micros length);

 private:
  struct Look {
    failover::SiteState state = failover::SiteState::unknown;
    bool reachable = false, ready = true;
    bool operator==(const Look&) const = default;
  };
  struct Place {
    const config::Target* target = nullptr;
    const TargetAssumptions* assumed = nullptr;
    sim::Dice dice;
    // What is true.
    int down = 0, cut = 0, mute = 0;  ///< faults that hold it down, out of reach, without a control plane
    int unreadable = 0;               ///< faults that took what it left
    bool runs = false;                ///< started and not stopped; while it is down nobody has anything of it
    std::optional<Epoch> epoch = {};  ///< of what runs
    std::uint64_t starting = 0;       ///< names the start under way; 0: none
    bool guard_waits = false;         ///< its agent has begun to wait for the end of its lease
    bool ended_by_guard = false;      ///< ended when that was over; it would go on if it were granted
    // What is believed.
    std::optional<Look> look = {};
    bool observing = false;
    std::unique_ptr<Probing> probing = {};
    std::vector<ActivationRecord> history = {};  ///< newest first
  };
  /// A snapshot that the next target can start from.
  struct Kept {
    SnapshotId id;
    Time created{}, content{};  ///< `content`: it holds all work until then
  };

  // play.cpp: the machine
  void deliver(failover::Event event);
  void pump();
  void after_step();
  void note_moves();
  void move_begins(const failover::Move& move);
  void move_ends(const failover::LastMove& move);
  void note_block();
  void remember(const failover::Record& record);
  void command(failover::Command::What what, const TargetId& target, bool force, bool accept_loss);
  void person_visits(std::uint64_t block);
  void person_acts(const failover::Blocked& blocked);
  void consider_way_home_by_hand();
  [[nodiscard]] bool home_waits() const;

  // play_world.cpp: what is true
  void fault(const Fault& f, int by);
  void changed();
  [[nodiscard]] static bool serves(const Place& p) { return p.runs && p.down == 0 && p.cut == 0; }
  [[nodiscard]] bool answers(const Place& p) const { return p.cut == 0 && p.mute == 0 && ours_ == 0; }
  [[nodiscard]] std::optional<std::size_t> serving() const;
  [[nodiscard]] Cause why_silent() const;
  [[nodiscard]] Prospect prospect(const Place& p) const;
  [[nodiscard]] Time next_fault() const;
  [[nodiscard]] bool saving() const;
  void update_saving();
  [[nodiscard]] Kept newest_snapshot() const;
  void observe(Place& p);
  void saw(Place& p, const Look& look);
  void observe_all();
  void observe_again();

  // play_effects.cpp: what the machine asks for
  struct Performer;
  void perform(const failover::Effect& effect);
  void watch(const failover::Watch& e);
  void fence(const failover::Fence& e);
  void stopped(Place& p);
  void save(const failover::Save& e);
  void prepare(const failover::Prepare& e);
  void activate(const failover::Activate& e);
  void start(Place& p, const failover::Activate& e);
  void start_ends(Place& p, std::uint64_t start, bool good, Epoch epoch);
  [[nodiscard]] static Millis activation_takes(Place& p);

  // play_leases.cpp
  [[nodiscard]] bool reaches_us(const Place& p) const { return p.cut == 0 && ours_ == 0; }
  [[nodiscard]] lease::Judgement::Verdict judged(const Place& p) const;
  void renew(Place& p);
  void look_after_guards();
  void guard_waits(Place& p, Millis until);
  void guard_asks_again(Place& p);

  // play_plan.cpp
  [[nodiscard]] failover::PlanMade make_plan(const failover::MakePlan& ask);
  [[nodiscard]] policy::Candidate candidate(const Place& p, const failover::MakePlan& ask) const;
  [[nodiscard]] bool common_mode() const;
  void note_spending();
  void month_ends();

  [[nodiscard]] Place* place(const TargetId& id);
  [[nodiscard]] const Place* place(const TargetId& id) const;
  [[nodiscard]] std::size_t index(const Place& p) const { return static_cast<std::size_t>(&p - places_.data()); }
  [[nodiscard]] static WallTime wall(Time at);

  const config::Service& service_;
  const Assumptions& assumptions_;
  const std::vector<Fault>& faults_;
  Clock clock_;
  Books books_;
  std::vector<Place> places_;  // never grows after the start: jobs point into it
  int ours_ = 0;               ///< faults of our own network
  std::vector<Time> turns_;    ///< when a fault begins or ends, in order
  std::size_t turn_ = 0;       ///< those before are over
  failover::State state_;
  std::deque<failover::Event> queue_;
  bool pumping_ = false;
  bool stopping_ = false;                   ///< what changes now is done by a fence
  std::uint64_t news_ = 0, news_seen_ = 0;  ///< what may make the next observations tell something
  bool looking_ = true;
  std::optional<Time> saving_since_;
  Kept newest_;
  std::uint64_t next_start_ = 1;
  std::optional<std::uint64_t> move_seen_, last_seen_;
  failover::MoveKind move_begun_ = failover::MoveKind::start;
  std::string blocked_by_;
  std::uint64_t block_ = 0;  ///< names the present block
  bool by_hand_waits_ = false;
  std::vector<Millis> outages_;  ///< newest first
  policy::Meter meter_;
  Usd spent_this_month_;
};

}  // namespace understudy::rehearse
