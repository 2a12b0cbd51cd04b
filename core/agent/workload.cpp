#include "core/agent/workload.hpp"

#include <unistd.h>
#include <csignal>
#include <cstring>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/agent/watchdog.hpp"

namespace understudy::agent {
namespace {

namespace asio = boost::asio;
constexpr auto poll_interval = std::chrono::milliseconds(50);  // where a process has no descriptor

}  // namespace

struct Workload::Run : std::enable_shared_from_this<Run> {
  int pid;
  asio::posix::stream_descriptor exit;
  asio::steady_timer poll_timer;
  host::BootTimer grace;
  std::optional<Time> kill_at;
  Watchdog* watchdog;
  std::vector<std::function<void()>> stopped;
  std::function<void(const host::Ended&)> on_end;
  std::optional<host::Ended> leader;  ///< how the command itself ended; what it started may still be at work
  bool killed = false, ended = false;

  Run(asio::io_context& loop, Watchdog* w, int p) : pid(p), exit(loop), poll_timer(loop), grace(loop), watchdog(w) {}

  void watch() {
    if (const int fd = host::exit_descriptor(pid); fd >= 0) exit.assign(fd);
    wait();
  }

  void wait() {
    const auto look = [self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->look();
    };
    if (exit.is_open()) return exit.async_wait(asio::posix::stream_descriptor::wait_read, look);
    poll_timer.expires_after(poll_interval);
    poll_timer.async_wait(look);
  }

  void look() {
    if (ended) return;
    if (!leader) leader = host::reap(pid);
    if (!leader) return wait();
    boost::system::error_code ignored;
    exit.close(ignored);
    // `sh -c "…; bot"` ends at once when it is asked to, and the bot has its grace all the same.
    if (!stopped.empty() && !killed && ::kill(-pid, 0) == 0) return wait();
    ::kill(-pid, SIGKILL);  // what it started must not live on beside its successor
    ended = true;
    grace.cancel();
    if (watchdog != nullptr) watchdog->guard_group(0);
    const auto told = std::exchange(stopped, {});
    const auto heard = std::exchange(on_end, nullptr);
    if (told.empty() && heard) heard(*leader);
    for (const auto& one : told) one();
  }

  void kill_by(Time when) {
    if (kill_at && *kill_at <= when) return;
    kill_at = when;
    grace.wait_until(when, [self = shared_from_this()] {
      if (self->ended) return;
      self->killed = true;
      ::kill(-self->pid, SIGKILL);
    });
  }
};

Workload::Workload(asio::io_context& loop, Watchdog* watchdog, std::vector<std::string> argv, OnEnd on_end)
    : loop_(loop), watchdog_(watchdog), argv_(std::move(argv)), on_end_(std::move(on_end)) {}

Workload::~Workload() {
  if (!running()) return;
  ::kill(-run_->pid, SIGKILL);
  run_->on_end = nullptr;
  run_->stopped.clear();
  run_->grace.cancel();
  run_->watchdog = nullptr;
}

std::optional<std::string> Workload::start(const std::map<std::string, std::string>& env,
                                           std::optional<Time> not_after) {
  host::ChildSpec spec;
  spec.argv = argv_;
  spec.env = env;
  spec.inherit_output = true;
  spec.die_with_parent = true;
  spec.not_after = not_after;
  if (watchdog_ != nullptr) {
    spec.announce_to = watchdog_->descriptor();
    spec.announce_tag = static_cast<std::int64_t>(WatchdogTag::group);
  }
  const auto spawned = host::spawn(spec);
  if (watchdog_ != nullptr) watchdog_->guard_group(spawned.child ? spawned.child->pid : 0);
  if (!spawned.child) return "cannot run " + argv_.front() + ": " + spawned.what + ": " + std::strerror(spawned.error);
  ::close(spawned.child->in);  // it reads an end of file
  run_ = std::make_shared<Run>(loop_, watchdog_, spawned.child->pid);
  run_->on_end = on_end_;
  run_->watch();
  return std::nullopt;
}

void Workload::stop(Millis grace, std::function<void()> stopped) {
  if (!running()) return stopped();
  run_->stopped.push_back(std::move(stopped));
  const bool first = run_->stopped.size() == 1;
  if (first) ::kill(-run_->pid, SIGTERM);
  run_->kill_by(host::boot_now() + grace);
}

bool Workload::running() const noexcept { return run_ && !run_->ended; }
int Workload::pid() const noexcept { return running() ? run_->pid : -1; }

std::string describe(const host::Ended& ended) {
  if (ended.signal) return "signal " + std::to_string(*ended.signal) + " (" + ::strsignal(*ended.signal) + ")";
  return "exit code " + std::to_string(ended.exit_code.value_or(-1));
}

}  // namespace understudy::agent
