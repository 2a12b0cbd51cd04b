// Drills of one service's standbys: begins them (a person, or the schedule), performs the steps that core/drill
// decides, and keeps what came of them. Beside the failover machine: an isolated drill changes neither state nor epoch;
// a switchover drill gives the machine the commands that a person would give. On the loop.
#pragma once

#include <deque>

#include "core/drill/drill.hpp"
#include "core/drill/evidence.hpp"
#include "core/drill/schedule.hpp"
#include "core/runtime/left_drills.hpp"
#include "core/runtime/service_runner.hpp"

namespace understudy::runtime {

struct ServiceRunner::Driller {
  explicit Driller(ServiceRunner& runner);

  /// After a start: what a drill left running when the process died is stopped; the schedule begins.
  void recover();
  void begin(const DrillRequest& request, const Reply& reply);
  /// The machine took a step: a drill may have to make room.
  void on_step();
  /// Not one that only waits for a copy to be confirmed stopped: the file may be what is wrong, and the drill goes on
  /// after a reload as after a start.
  [[nodiscard]] bool blocks_reload() const;
  /// For status: the drill under way or null; what is known of a target.
  [[nodiscard]] nlohmann::json shown() const;
  [[nodiscard]] nlohmann::json shown_of(const TargetId& id) const;

 private:
  using Mode = config::Drill::Mode;
  struct Run {
    std::string id;
    Place* place = nullptr;
    TargetId target, origin;
    Mode mode = Mode::isolated;
    drill::State state;
    WallTime began{};
    std::filesystem::path folder;  ///< of the copy's state
    SnapshotId snapshot;
    Requester by;
    bool same_address = false;
    drill::Before before;                ///< what its checks said without the copy
    bool counts = true;                  ///< it says something of the target's readiness: not when the file is at fault
    bool held = false;                   ///< the target's other work waits
    bool stop_told = false;              ///< the intent of the stop is in the journal
    std::optional<std::uint64_t> move;   ///< of a switchover: the machine's, waited for
    std::optional<std::uint64_t> there;  ///< of a switchover: the move that brought the service there
  };
  /// What is known of a standby; in the journal under "drill".
  struct Known {
    WallTime since{};     ///< first seen in the file, or served until then
    nlohmann::json last;  ///< the report of its last drill, or null
    std::optional<ActivationRecord> proven;
  };

  [[nodiscard]] std::optional<sdk::Error> why_not(const DrillRequest& request, const Place* place) const;
  [[nodiscard]] bool can(const Place& place) const;
  [[nodiscard]] TargetId longest_unproven() const;
  [[nodiscard]] std::optional<journal::Problem> journal_begin() const;
  [[nodiscard]] nlohmann::json document() const;
  [[nodiscard]] std::optional<journal::Problem> write_unwritten();
  void launch(std::unique_ptr<Run> run, const drill::Event& first);

  // stepping
  void feed(drill::Event event);
  void perform(const drill::Action& action);
  void arm(Millis after);
  void hold_place();
  void release_place();
  [[nodiscard]] std::string checked_move();
  /// Runs `fn` unless this drill, or the runner, is gone by then.
  template <class Fn>
  [[nodiscard]] auto of_this_run(Fn fn) const;

  // an isolated copy (drill_copy.cpp)
  void prepare();
  void start_copy();
  void ask_start();
  void look_at_copy();
  void saw_copy(const sdk::Result& result);
  void check_copy();
  void look_again();
  void stop_copy();
  [[nodiscard]] std::vector<CheckSource> checks() const;

  // the service itself (drill_switchover.cpp)
  void move_there();
  void stay_there();
  void move_back();
  void move_ended();
  void journal_there() const;
  [[nodiscard]] bool still_ours() const;
  [[nodiscard]] std::optional<Millis> measured() const;

  // what came of it (drill_report.cpp)
  void finish();
  void tell_stuck();
  void tell_outcome(const nlohmann::json& report);
  [[nodiscard]] nlohmann::json report() const;
  [[nodiscard]] Usd cost(WallTime until) const;
  void load_known();
  void learn_proven();
  /// `target` served until then: nobody missed a drill of it before.
  void note_served(const TargetId& target, WallTime until);

  // the schedule
  void tick();
  void begin_due();

  ServiceRunner& r_;
  std::unique_ptr<Run> run_;
  std::deque<drill::Event> events_;
  bool feeding_ = false;
  std::map<TargetId, Known> known_;
  journal::Batch unwritten_;  ///< what came of the last drill, while the journal could not be written
  std::uint64_t last_move_ = 0;
  boost::asio::steady_timer timer_, look_timer_, tick_timer_;
};

template <class Fn>
auto ServiceRunner::Driller::of_this_run(Fn fn) const {
  return [this, fn = std::move(fn), id = run_->id, alive = std::weak_ptr(r_.alive_)](const auto&... args) {
    if (!alive.expired() && run_ && run_->id == id) fn(args...);
  };
}

}  // namespace understudy::runtime
