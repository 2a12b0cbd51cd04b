// The supervisor beside a workload: brings the state, starts the command, keeps it running, saves what it leaves, and
// obeys the newest epoch only. On the loop.
//
//   standby → activating (restoring, starting) → active (running, restarting, failed) → deactivating → standby
//
// With a lease the workload runs only while it is held: without, it waits in `activating`, or is stopped in `active`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/agent/lease_keeper.hpp"
#include "core/agent/orders.hpp"
#include "core/agent/report.hpp"
#include "core/agent/restarts.hpp"
#include "core/agent/state_room.hpp"
#include "core/agent/vitals.hpp"
#include "core/agent/workload.hpp"
#include "core/config/agent_file.hpp"
#include "core/host/clock.hpp"

namespace understudy::agent {

class Supervisor {
 public:
  struct Parts {
    boost::asio::io_context& loop;
    host::Logger& log;
    StateRoom& state;
    Vitals& vitals;
    LeaseKeeper* lease;          ///< null: none is needed
    Watchdog* watchdog;          ///< null: none
    std::function<void()> done;  ///< the workload is done and its state saved: nothing is left to do here
    std::string instance;        ///< which agent this is (instance.hpp)
  };
  /// How an order was taken. What comes of it is seen in facts().
  struct Taken {
    enum class Verdict { started, already, stale, invalid, busy, broken } verdict = Verdict::started;
    Epoch epoch;
    std::string why, hint;
  };

  /// `options` outlives it.
  Supervisor(const Parts& parts, const config::Agent& options, std::vector<std::string> command, Ledger ledger);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  [[nodiscard]] Taken activate(const ActivateOrder& order);
  [[nodiscard]] Taken deactivate(const DeactivateOrder& order);
  /// Once, at the start: what ran here when the supervisor ended goes on, if its lease is granted again. Nothing
  /// without a lease: it may run elsewhere by now.
  void resume();
  /// The supervisor is to end: stops the workload and saves its state. The ledger stays, so that the same epoch may go
  /// on when the same place starts again. `done` runs once.
  void leave(std::function<void()> done);

  [[nodiscard]] Facts facts() const;

 private:
  // activating.cpp
  void start_unless_newer();
  void choose_snapshot(const ActivateOrder& order);
  void bring_state(const ActivateOrder& order, const SnapshotId& id);
  void start_workload();
  void activation_failed(const std::string& why);
  // leasing.cpp
  [[nodiscard]] bool may_run() const;
  void wait_for_lease();
  void lease_held();
  [[nodiscard]] Time lease_lost(const LeaseKeeper::Loss& loss);
  void stopped_for_lease(Epoch epoch);
  [[nodiscard]] Taken refused(const ActivateOrder& order, Taken taken);
  // saving.cpp
  void expect_work();
  void note_unsaved(std::optional<Unsaved> unsaved);
  void save_last(std::chrono::steady_clock::time_point deadline, Millis pause);
  void save_behind();
  void push_in_time();
  void pushed(Epoch run, const state::StateKeeper::Answer& answer);
  void overtaken(Epoch run, const std::string& why);
  [[nodiscard]] std::string explain_unsaved() const;
  // supervisor.cpp
  void workload_ended(const host::Ended& how);
  void start_again();
  void restart_later(const std::string& why, Millis ran);
  /// Joins a stop that is under way; `done` runs when the command has ended and, with `push`, what it left is saved, or
  /// could not be.
  void stop_workload(Millis grace, bool push, std::function<void()> done);
  void stopped();
  void looked(const Vitals::Verdict& verdict);
  void set(Mode mode, Work work, std::string detail = {});
  [[nodiscard]] bool write(Ledger ledger);
  /// What cannot be written counts all the same, until the supervisor ends: a full disk must keep nothing running.
  void note(const Ledger& ledger);

  Parts parts_;
  const config::Agent& options_;
  Ledger ledger_;
  Workload workload_;
  Restarts restarts_;
  Facts facts_;
  std::vector<std::function<void()>> stopping_;  ///< who waits for the stop that is under way
  bool leaving_ = false, push_at_stop_ = false;
  bool fenced_ = false;                 ///< the stop that is under way is for the lease only: it is to go on after it
  std::optional<std::uint64_t> waits_;  ///< the turn that waits for the lease, and for nothing else
  std::uint64_t turn_ = 0;              ///< of what is under way: an answer to an older turn is dropped
  std::chrono::steady_clock::time_point started_at_{};
  boost::asio::steady_timer restart_timer_, push_timer_, save_timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::agent
