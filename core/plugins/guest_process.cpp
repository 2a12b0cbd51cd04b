#include "core/plugins/guest_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/host/child.hpp"
#include "core/plugins/log_budget.hpp"
#include "core/plugins/plugin_host.hpp"

namespace understudy::plugins {
namespace {

namespace asio = boost::asio;

constexpr std::size_t longest_backlog = 16 * 1024 * 1024;  ///< of unsent bytes: what reads no more is stuck
constexpr std::size_t longest_line = 64 * 1024;            ///< of what it prints; the rest of it is dropped
constexpr int packets_a_turn = 64;  ///< read before others have theirs: one that floods is not all that there is
constexpr auto reap_every = std::chrono::milliseconds(5);
constexpr int reaps_before_kill = 200;

std::string cause_of(const host::Ended& ended) {
  if (ended.signal) return "signal " + std::to_string(*ended.signal) + " (" + ::strsignal(*ended.signal) + ")";
  return "exit code " + std::to_string(ended.exit_code.value_or(-1));
}

/// What the process prints, line by line, into our log.
class Output : public std::enable_shared_from_this<Output> {
 public:
  Output(asio::io_context& loop, host::Logger& log, std::string name, int fd)
      : pipe_(loop, fd), log_(log), name_(std::move(name)), budget_(log, name_) {}
  void read() {
    pipe_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](const boost::system::error_code& error, std::size_t n) {
                            if (error) return self->budget_.tell();
                            for (std::size_t i = 0; i < n; ++i) self->put(self->buffer_[i]);
                            self->read();
                          });
  }

 private:
  void put(char c) {
    if (c != '\n') {  // whole: half of a secret would be no secret to the log, which cuts long lines itself
      if (line_.size() < longest_line) line_ += c;
      return;
    }
    if (!line_.empty() && budget_.take(std::chrono::steady_clock::now())) log_.write(host::Level::info, name_, line_);
    line_.clear();
  }
  asio::posix::stream_descriptor pipe_;
  host::Logger& log_;
  std::string name_, line_;
  LogBudget budget_;
  std::array<char, 1024> buffer_{};
};

/// Waits for a process that nobody listens to any more, and kills what does not end.
void reap_later(asio::io_context& loop, int pid, int tries) {
  if (host::reap(pid)) return;
  if (tries == reaps_before_kill) ::kill(-pid, SIGKILL);
  auto timer = std::make_shared<asio::steady_timer>(loop, reap_every);
  timer->async_wait([&loop, pid, tries, timer](const boost::system::error_code& error) {
    if (!error) reap_later(loop, pid, tries + 1);
  });
}

}  // namespace

struct GuestProcess::Impl : std::enable_shared_from_this<GuestProcess::Impl> {
  Impl(asio::io_context& l, int fd, int p, Listener who)
      : loop(l), socket(l, fd), reaping(l), pid(p), listener(std::move(who)) {}

  asio::io_context& loop;
  asio::posix::stream_descriptor socket;
  asio::steady_timer reaping;
  int pid;
  Listener listener;
  FrameReader reader;
  std::deque<std::string> unsent;
  std::size_t unsent_bytes = 0;
  std::string why;  ///< that we killed it
  bool ending = false, writing = false, silent = false;
  std::string buffer = std::string(largest_packet, '\0');

  void wait_readable() {
    socket.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (error || self->silent || self->ending) return;
                        if (self->drain()) self->wait_readable();
                      });
  }

  /// Reads what is there, or a part of much. False when the process has ended or is not to be listened to any more.
  bool drain() {
    for (int packets = 0; packets < packets_a_turn && !silent && !ending; ++packets) {
      const auto n = ::recv(socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        end();
        return false;
      }
      auto taken = reader.take(buffer.data(), static_cast<std::size_t>(n));
      if (const auto* broken = std::get_if<FrameReader::Broken>(&taken)) {
        kill_for(std::string("it broke the protocol: ") + broken->why);
        return false;
      }
      if (const auto* frame = std::get_if<Frame>(&taken)) listener.frame(*frame);
    }
    return !silent && !ending;
  }

  void flush() {
    while (!unsent.empty() && !ending) {
      const auto& packet = unsent.front();
      const auto n = ::send(socket.native_handle(), packet.data(), packet.size(), MSG_DONTWAIT | no_signal);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) return wait_writable();
      if (n < 0) return;  // it has ended: the reading side says so
      unsent_bytes -= packet.size();
      unsent.pop_front();
    }
  }

  void wait_writable() {
    if (std::exchange(writing, true)) return;
    socket.async_wait(asio::posix::stream_descriptor::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->writing = false;
                        if (!error && !self->silent) self->flush();
                      });
  }

  void kill_for(std::string cause) {
    if (ending) return;
    why = std::move(cause);
    end();
  }

  /// The socket is closed, or it has to go: whatever is left of its process group goes, and how it ended is found out.
  void end() {
    if (std::exchange(ending, true)) return;
    ::kill(-pid, SIGKILL);
    find_out();
  }

  void find_out() {
    if (const auto ended = host::reap(pid)) {
      pid = -1;
      boost::system::error_code ignored;
      socket.close(ignored);
      if (!silent) listener.ended(why.empty() ? cause_of(*ended) : why);
      return;
    }
    reaping.expires_after(reap_every);
    reaping.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->find_out();
    });
  }
};

GuestProcess::GuestProcess(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

GuestProcess::~GuestProcess() {
  impl_->silent = true;
  if (impl_->ending) return;  // it reaps by itself
  impl_->ending = true;
  boost::system::error_code ignored;
  impl_->socket.close(ignored);
  reap_later(impl_->loop, impl_->pid, 0);
}

std::variant<std::unique_ptr<GuestProcess>, std::string> GuestProcess::start(asio::io_context& loop, host::Logger& log,
                                                                             const Spec& spec, Listener listener) {
  const auto pair = make_socket_pair();
  if (pair.ours < 0) return std::string("no socket pair: ") + std::strerror(errno);
  host::ChildSpec child;
  child.argv = {spec.program.string(), "plugin-host", spec.library.string()};
  child.env = spec.env;
  child.clean_environment = true;
  child.pass_descriptor = pair.theirs;
  const auto spawned = host::spawn(child);
  ::close(pair.theirs);
  if (!spawned.child) {
    ::close(pair.ours);
    return spawned.what + ": " + std::strerror(spawned.error);
  }
  ::close(spawned.child->in);
  for (const int fd : {spawned.child->out, spawned.child->err})
    std::make_shared<Output>(loop, log, spec.name, fd)->read();
  auto impl = std::make_shared<Impl>(loop, pair.ours, spawned.child->pid, std::move(listener));
  impl->wait_readable();
  return std::unique_ptr<GuestProcess>(new GuestProcess(std::move(impl)));
}

void GuestProcess::send(const Frame& frame) {
  if (impl_->ending) return;
  const int socket = impl_->socket.native_handle();
  if (impl_->unsent.empty() && send_at_once(socket, frame, MSG_DONTWAIT | no_signal)) return;
  for (auto& packet : encode(frame)) {
    impl_->unsent_bytes += packet.size();
    impl_->unsent.push_back(std::move(packet));
  }
  if (impl_->unsent_bytes > longest_backlog) return impl_->kill_for("it reads no more");
  if (!impl_->writing) impl_->flush();
}

void GuestProcess::kill(std::string cause) { impl_->kill_for(std::move(cause)); }
bool GuestProcess::alive() const noexcept { return !impl_->ending; }

void GuestProcess::wait_for_frame(int timeout_ms) {
  if (impl_->ending) return;
  pollfd one{impl_->socket.native_handle(), POLLIN, 0};
  if (::poll(&one, 1, timeout_ms) > 0) (void)impl_->drain();
}

}  // namespace understudy::plugins
