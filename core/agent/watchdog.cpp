#include "core/agent/watchdog.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <boost/asio/buffer.hpp>

namespace understudy::agent {
namespace {

namespace asio = boost::asio;
constexpr Millis longest_silence{5'000};  // a busy machine may need seconds to start it
constexpr Millis first_pause{1'000}, longest_pause{60'000};

#if defined(__linux__)
constexpr int socket_kind = SOCK_STREAM | SOCK_CLOEXEC;
#else
constexpr int socket_kind = SOCK_STREAM;
#endif
#if defined(MSG_NOSIGNAL)
constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;
#else
constexpr int send_flags = MSG_DONTWAIT;
#endif

}  // namespace

Watchdog::Watchdog(asio::io_context& loop, host::Logger& log, std::vector<std::string> program, int lock)
    : log_(log),
      program_(std::move(program)),
      lock_(lock),
      pause_(first_pause),
      socket_(loop),
      answer_timer_(loop),
      restart_timer_(loop) {}

Watchdog::~Watchdog() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  // It has seen the end of the socket and goes by itself; whoever inherits us reaps it.
  reap_old();
}

void Watchdog::start() {
  reap_old();
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, socket_kind, 0, ends) != 0) return lost(std::string("socketpair: ") + std::strerror(errno));
  for (const int fd : ends) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  host::ChildSpec spec;
  spec.argv = program_;
  spec.inherit_output = true;
  spec.pass_descriptor = ends[1];
  spec.keep_descriptor = lock_;
  const auto spawned = host::spawn(spec);
  ::close(ends[1]);
  if (!spawned.child) {
    ::close(ends[0]);
    return lost(spawned.what + ": " + std::strerror(spawned.error));
  }
  ::close(spawned.child->in);
  pid_ = spawned.child->pid;
  ours_ = ends[0];
  socket_.assign(ours_);
  up_ = true;
  ++turn_;
  unanswered_ = 0;
  listen();
  tell(WatchdogTag::group, group_);
  if (up_) guard_until(until_, agent_too_);
}

void Watchdog::guard_until(std::optional<Time> when, bool agent_too) {
  until_ = when;
  agent_too_ = agent_too;
  tell(agent_too ? WatchdogTag::agent_dies : WatchdogTag::agent_lives, when ? when->time_since_epoch().count() : 0);
}

void Watchdog::guard_group(int group) {
  group_ = group;
  tell(WatchdogTag::group, group);
}

void Watchdog::tell(WatchdogTag tag, std::int64_t value) {
  if (!up_) return;
  const WatchdogWord word{static_cast<std::int64_t>(tag), value};
  if (::send(ours_, &word, sizeof word, send_flags) != static_cast<ssize_t>(sizeof word))
    return lost("it does not listen");
  if (unanswered_++ == 0) wait_for_answers();
}

void Watchdog::listen() {
  socket_.async_read_some(asio::buffer(answers_), [this, turn = turn_, alive = std::weak_ptr(alive_)](
                                                      const boost::system::error_code& error, std::size_t n) {
    if (alive.expired() || turn != turn_) return;
    if (error) return lost("it has ended");
    unanswered_ -= std::min(unanswered_, n);
    pause_ = first_pause;
    answer_timer_.cancel();
    if (unanswered_ > 0) wait_for_answers();
    listen();
  });
}

void Watchdog::wait_for_answers() {
  answer_timer_.expires_after(longest_silence);
  answer_timer_.async_wait([this, turn = turn_, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired() && turn == turn_) lost("it does not answer");
  });
}

void Watchdog::lost(const std::string& why) {
  log_.write(
      host::Level::error, "agent",
      "the watchdog is gone (" + why + "): until there is another, a frozen or killed agent cannot end its workload");
  ++turn_;
  up_ = false;
  answer_timer_.cancel();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);  // before its socket is closed: else it would take us for dead
    ended_.push_back(pid_);
  }
  pid_ = -1;
  boost::system::error_code ignored;
  if (socket_.is_open()) socket_.close(ignored);
  ours_ = -1;
  restart_timer_.expires_after(std::exchange(pause_, std::min(pause_ * 2, longest_pause)));
  restart_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    start();
    if (up_) log_.write(host::Level::info, "agent", "there is a watchdog again");
  });
}

void Watchdog::reap_old() {
  std::erase_if(ended_, [](int pid) { return host::reap(pid).has_value(); });
}

}  // namespace understudy::agent
