// Keeps the lease of the workload: asks the orchestrator in time, and tells when the right to run is there and when it
// is over. All times are of the boot clock. On the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "core/agent/lease_answer.hpp"
#include "core/agent/lease_end.hpp"
#include "core/agent/report.hpp"
#include "core/config/agent_file.hpp"
#include "core/host/boot_clock.hpp"
#include "core/host/log.hpp"
#include "core/host/services.hpp"
#include "core/lease/guard.hpp"

namespace understudy::agent {

class Watchdog;

class LeaseKeeper {
 public:
  struct Parts {
    boost::asio::io_context& loop;
    host::Logger& log;
    host::Services& services;
    Watchdog* watchdog;    ///< null: none
    std::string instance;  ///< which agent this is (instance.hpp)
  };
  struct Loss {
    std::string why;
    LeaseEnd end;
  };
  struct Events {
    std::function<void()> held;  ///< it was granted, and was not held before
    /// The workload must be ended; nothing is asked until want() is told again. Returns when it will be killed.
    std::function<Time(const Loss&)> lost;
  };

  /// What `parts` refers to and `terms` outlive it.
  LeaseKeeper(Parts parts, const config::AgentLease& terms, const ServiceId& service, std::string key);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  void listen(Events events) { events_ = std::move(events); }

  /// Asks for `epoch` from now on; what was held of another one is given up.
  void want(Epoch epoch);
  /// Nothing is to run here. The workload must have ended.
  void forget();
  /// The workload may be started now, with this epoch.
  [[nodiscard]] bool may_run(Epoch epoch) const;
  /// Until when it may be started. None: no such time is known, because the lease is held over.
  [[nodiscard]] std::optional<Time> until() const { return guard_.deadline(); }
  [[nodiscard]] LeaseFacts facts() const;
  /// "waits for its lease: …"
  [[nodiscard]] std::string explain() const;

 private:
  void wake();
  void ask();
  void answered(std::uint64_t renewal, const LeaseAnswer& answer);
  void granted(std::uint64_t renewal, const LeaseAnswer& answer);
  void told_held(Millis ttl);
  void refused(std::uint64_t renewal, const LeaseAnswer& answer);
  void failed(std::uint64_t renewal, const std::string& why, std::int64_t http);
  void ran_out(Time now);
  void lose(LeaseFacts::State state, const Loss& loss);
  void give_up_request();
  void arm();
  /// When the watchdog looks whether what was to be killed at `killed` is.
  [[nodiscard]] Time seen_to(Time killed) const;

  Parts parts_;
  const config::AgentLease& terms_;
  host::Caller caller_{"agent", "agent/lease", {}, {}};
  std::string url_, key_;
  lease::Guard guard_;
  Events events_;
  LeaseFacts facts_;
  std::optional<Epoch> wanted_;  ///< also while a lost one is not asked for again
  std::uint64_t asked_ = 0;      ///< of the request that waits for its answer; 0: none
  host::Services::Ticket ticket_ = 0;
  std::int64_t failed_http_ = 0;  ///< the status of the last failure
  Time held_until_{};             ///< the last deadline that was granted for the epoch
  bool told_terms_ = false;
  host::BootTimer timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::agent
