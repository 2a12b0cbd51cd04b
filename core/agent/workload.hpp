// The command that the supervisor keeps: one process group. Its output goes where ours goes. On the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "core/host/boot_clock.hpp"
#include "core/host/child.hpp"
#include "core/model/time.hpp"

namespace understudy::agent {

class Watchdog;

class Workload {
 public:
  using OnEnd = std::function<void(const host::Ended&)>;

  /// `on_end` hears of an end that nobody asked for; by then nothing of its group is left. `watchdog` may be null, and
  /// outlives it.
  Workload(boost::asio::io_context& loop, Watchdog* watchdog, std::vector<std::string> argv, OnEnd on_end);
  ~Workload();  ///< kills what runs
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  /// What went wrong, or nothing. `env` is added to ours. Later than `not_after`, of the boot clock, nothing starts.
  [[nodiscard]] std::optional<std::string> start(const std::map<std::string, std::string>& env,
                                                 std::optional<Time> not_after);
  /// TERM to the whole group, KILL after `grace`. `stopped` runs once, when the command has ended and its group has
  /// been killed; at once when nothing runs. A second call may only shorten the grace, which goes on while the host
  /// is suspended.
  void stop(Millis grace, std::function<void()> stopped);

  [[nodiscard]] bool running() const noexcept;
  [[nodiscard]] int pid() const noexcept;  ///< -1: none

 private:
  struct Run;
  boost::asio::io_context& loop_;
  Watchdog* watchdog_;
  std::vector<std::string> argv_;
  OnEnd on_end_;
  std::shared_ptr<Run> run_;
};

/// "exit code 3", "signal 9 (Killed)"
[[nodiscard]] std::string describe(const host::Ended& ended);

}  // namespace understudy::agent
