#include "core/agent/watchdog_process.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "core/host/boot_clock.hpp"
#include "core/host/unblocked_output.hpp"

namespace understudy::agent {
namespace {

constexpr int slice_ms = 50;  // where the boot clock has no alarm

class Watch {
 public:
  Watch(int agent, int socket) : agent_(agent), socket_(socket) {}

  int run() {
    for (;;) {
      pollfd waits[2] = {{socket_, POLLIN, 0}, {alarm_.descriptor(), POLLIN, 0}};
      const bool blind = end_ && alarm_.descriptor() < 0;
      ::poll(waits, 2, blind ? slice_ms : -1);
      if (waits[0].revents != 0 && !listen()) break;
      if (end_ && host::boot_now() >= *end_) time_is_up();
    }
    kill_workload();
    if (group_ > 0) say("the agent has ended: its workload is killed");
    return 0;
  }

 private:
  /// After what it tells of: nothing here may wait for who reads it.
  void say(const char* text) {
    char line[200];
    const int n = std::snprintf(line, sizeof line, "understudy: watchdog: %s\n", text);
    (void)err_.write({line, static_cast<std::size_t>(n)});
  }

  void kill_workload() const {
    if (group_ > 0) ::kill(static_cast<pid_t>(-group_), SIGKILL);
  }

  /// False when the agent has gone.
  bool listen() {
    const auto n = ::recv(socket_, reinterpret_cast<char*>(&word_) + got_, sizeof word_ - got_, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    got_ += static_cast<std::size_t>(n);
    if (got_ == sizeof word_) {
      got_ = 0;
      take();
      const char heard = '.';
      (void)!::send(socket_, &heard, 1, MSG_DONTWAIT);
    }
    return true;
  }

  void take() {
    if (word_.tag == static_cast<std::int64_t>(WatchdogTag::group)) {
      group_ = word_.pid;
      return;
    }
    agent_dies_ = word_.tag == static_cast<std::int64_t>(WatchdogTag::agent_dies);
    end_ = word_.pid > 0 ? std::optional(Time(Micros(word_.pid))) : std::nullopt;
    alarm_.set(end_);
  }

  /// The agent goes first: it must not start what is killed here again. Its end is then seen at the socket, and what
  /// it may have started meanwhile has announced itself there.
  void time_is_up() {
    if (agent_dies_) ::kill(agent_, SIGKILL);
    kill_workload();
    end_.reset();
    alarm_.set(end_);
    if (agent_dies_) {
      say("the lease was over and the agent did not act: it is killed with its workload");
    } else if (group_ > 0) {
      say("the lease was over: what was left of the workload is killed");
    }
  }

  int agent_, socket_;
  host::UnblockedOutput err_{STDERR_FILENO};
  host::BootAlarm alarm_;
  WatchdogWord word_;
  std::size_t got_ = 0;
  std::int64_t group_ = 0;
  bool agent_dies_ = false;
  std::optional<Time> end_;
};

}  // namespace

int watch_over_agent(int agent, int socket) {
  // Whoever ends the agent's whole cgroup asks us too; but we go when the agent has gone.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
#if defined(__linux__)
  ::prctl(PR_SET_NAME, "understudy-wdog");
#endif
  return Watch(agent, socket).run();
}

}  // namespace understudy::agent
