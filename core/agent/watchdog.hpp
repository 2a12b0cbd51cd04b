// The agent's side of its watchdog: starts it, tells it what to guard, and starts it again when it ends or no longer
// answers. While there is none, a frozen agent is unguarded, and that is said. On the loop.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/agent/watchdog_process.hpp"
#include "core/host/log.hpp"
#include "core/model/time.hpp"

namespace understudy::agent {

class Watchdog {
 public:
  /// `program`: what to run, with its arguments; the socket is its descriptor 3. `lock`: a descriptor that it keeps
  /// open, so that a file which is locked by it stays so; -1: none.
  Watchdog(boost::asio::io_context& loop, host::Logger& log, std::vector<std::string> program, int lock);
  ~Watchdog();  ///< it ends, and kills the group that was told last
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void start();
  [[nodiscard]] bool up() const noexcept { return up_; }
  [[nodiscard]] int pid() const noexcept { return pid_; }  ///< -1: none
  /// For a child that announces itself as the workload's group; -1: nobody listens.
  [[nodiscard]] int descriptor() const noexcept { return up_ ? ours_ : -1; }

  /// When nothing of the workload may run any more, by the boot clock. `agent_too`: unless a later time is told, the
  /// agent is killed as well. None: no such time.
  void guard_until(std::optional<Time> when, bool agent_too);
  /// The workload's process group; 0: nothing of it runs.
  void guard_group(int group);

 private:
  void tell(WatchdogTag tag, std::int64_t value);
  void listen();
  void wait_for_answers();
  void lost(const std::string& why);
  void reap_old();

  host::Logger& log_;
  std::vector<std::string> program_;
  int lock_;
  Millis pause_;  ///< before it is started again; doubles while it cannot be
  bool up_ = false;
  int pid_ = -1, ours_ = -1;
  std::uint64_t turn_ = 0;  ///< of the process: what comes from an older one is dropped
  std::size_t unanswered_ = 0;
  int group_ = 0;
  std::optional<Time> until_;
  bool agent_too_ = false;
  char answers_[64] = {};
  std::vector<int> ended_;  ///< to be reaped
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer answer_timer_, restart_timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::agent
