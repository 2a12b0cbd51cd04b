#include "core/host/process_runner.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "core/host/child.hpp"
#include "core/host/params.hpp"

namespace understudy::host {
namespace {
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds(10);  // where there is no pidfd
constexpr auto pipes_grace = std::chrono::milliseconds(200);   // grandchildren may keep the pipes open for ever
constexpr std::size_t longest_output_line = 64 * 1024;
constexpr std::int64_t longest_grace_ms = 3'600'000;
}  // namespace

class ProcessRun : public std::enable_shared_from_this<ProcessRun> {
 public:
  ProcessRun(asio::io_context& loop, ServiceCall call)
      : call_(std::move(call)),
        in_(loop),
        exit_(loop),
        deadline_(loop),
        grace_(loop),
        poll_(loop),
        streams_{Stream(loop, "stdout"), Stream(loop, "stderr")} {}

  std::function<void()> on_end;

  /// False when it answered at once.
  bool start() {
    ChildSpec spec;
    try {
      spec = read_request();
    } catch (const sdk::Json::exception& e) {
      return refuse({sdk::Status::invalid, std::string("malformed request: ") + e.what(), {}, {}, {}});
    }
    if (spec.argv.empty()) return refuse({sdk::Status::invalid, "argv is empty", {}, {}, {}});
    auto spawned = spawn(spec);
    if (!spawned.child) {
      const bool missing = spawned.error == ENOENT;
      return refuse({missing ? sdk::Status::invalid : sdk::Status::transient,
                     "cannot run " + spec.argv.front() + ": " + spawned.what + ": " + std::strerror(spawned.error),
                     missing ? "install it, or name its path" : "",
                     missing ? "not_found" : "spawn",
                     {}});
    }
    begin(*spawned.child);
    return true;
  }

  void stop(const char* why) {
    if (stopping_ || ended_) return;
    stopping_ = why;
    ::kill(-pid_, SIGTERM);
    grace_.expires_after(kill_grace_);
    grace_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->finished_ || self->ended_) return;
      ::kill(-self->pid_, SIGKILL);
      self->grace_over_ = true;
      self->poll();
    });
  }

  void abandon() {
    if (finished_) return;
    if (!ended_) {
      ::kill(-pid_, SIGKILL);
      for (int i = 0; i < 200 && !reap(pid_); ++i) ::usleep(1000);
    }
    finish({{}, {sdk::Status::unknown, "stopped: Understudy is shutting down", {}, "cancelled", {}}});
  }

 private:
  struct Stream {
    asio::posix::stream_descriptor pipe;
    const char* name;
    std::array<char, 8192> buffer{};
    std::string text, partial;
    bool open = false;
    Stream(asio::io_context& loop, const char* n) : pipe(loop), name(n) {}
  };

  /// All of it, before anything is done. Throws Json::exception on a wrong type.
  ChildSpec read_request() {
    const auto& p = call_.params;
    ChildSpec spec;
    spec.argv = p.at("argv").get<std::vector<std::string>>();
    spec.cwd = p.value("cwd", "");
    spec.env = p.value("env", std::map<std::string, std::string>());
    // What an isolated plugin is denied itself it does not get by a program either.
    if (const auto* given = call_.caller; given != nullptr && given->environment) {
      spec.clean_environment = true;
      spec.env.insert(given->environment->begin(), given->environment->end());  // what it asks for comes first
    }
    stdin_ = p.value("stdin", "");
    max_output_ = kept_bytes(call_.caller, p, "max_output");
    lines_ = p.value("stream", "") == "lines";
    kill_grace_ = Millis(bounded_number(p, "kill_grace_ms", 2000, 0, longest_grace_ms));
    timeout_ = timeout_within(p, call_.budget);
    return spec;
  }

  bool refuse(sdk::Error error) {
    finished_ = true;
    call_.done({{}, std::move(error)});
    return false;
  }

  void begin(const Child& child) {
    pid_ = child.pid;
    started_ = Clock::now();
    in_.assign(child.in);
    streams_[0].pipe.assign(child.out);
    streams_[1].pipe.assign(child.err);
    feed();
    for (auto& s : streams_) {
      s.open = true;
      read(s);
    }
    if (const int fd = exit_descriptor(pid_); fd >= 0) {
      exit_.assign(fd);
      exit_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (error || self->finished_) return;
                         self->check_exit();
                         if (!self->ended_) self->poll();  // woken for nothing: look again soon
                       });
    } else {
      poll();
    }
    deadline_.expires_after(timeout_);
    deadline_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->stop("timeout");
    });
  }

  void feed() {
    if (stdin_.empty()) return in_.close();
    asio::async_write(
        in_, asio::buffer(stdin_),
        [self = shared_from_this()](const boost::system::error_code&, std::size_t) { self->in_.close(); });
  }

  void read(Stream& s) {
    s.pipe.async_read_some(asio::buffer(s.buffer),
                           [self = shared_from_this(), &s](const boost::system::error_code& error, std::size_t n) {
                             if (n > 0) self->take(s, {s.buffer.data(), n});
                             if (!error) return self->read(s);
                             s.open = false;
                             if (self->ended_) self->maybe_finish();
                           });
  }

  void take(Stream& s, std::string_view data) {
    const auto room = max_output_ - std::min(max_output_, s.text.size());
    s.text.append(data.substr(0, room));
    truncated_ = truncated_ || data.size() > room;
    if (!lines_ || !call_.on_item) return;
    for (const char c : data) {
      if (c != '\n') {
        if (s.partial.size() < longest_output_line) s.partial += c;
        continue;
      }
      call_.on_item({{"stream", s.name}, {"line", std::exchange(s.partial, {})}});
    }
  }

  void poll() {
    poll_.expires_after(poll_interval);
    poll_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->finished_ || self->ended_) return;
      self->check_exit();
      if (!self->ended_) self->poll();
    });
  }

  void check_exit() {
    if (ended_ || !has_ended(pid_)) return;
    if (stopping_) {
      // What it has started, and still prints, has the grace too. Nothing of the group stays: once it is reaped, the
      // number is no longer ours to kill.
      if (!grace_over_ && (streams_[0].open || streams_[1].open)) return;
      ::kill(-pid_, SIGKILL);
    }
    ended_ = reap(pid_);
    if (!ended_) return;
    deadline_.cancel();
    maybe_finish();
    if (finished_) return;
    grace_.expires_after(pipes_grace);
    grace_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->finish_ended();
    });
  }

  void maybe_finish() {
    if (!streams_[0].open && !streams_[1].open) finish_ended();
  }

  /// What came last and was no whole line.
  void tell_partial_lines() {
    if (!lines_ || !call_.on_item) return;
    for (auto& s : streams_) {
      if (!s.partial.empty()) call_.on_item({{"stream", s.name}, {"line", std::exchange(s.partial, {})}});
    }
  }

  void finish_ended() {
    if (finished_) return;
    tell_partial_lines();
    if (stopping_) {
      const bool timeout = std::string_view(stopping_) == "timeout";
      return finish(
          {{},
           {sdk::Status::unknown,
            timeout ? "the program did not end in time and was killed" : "the program was cancelled and killed",
            {},
            stopping_,
            {}}});
    }
    sdk::Json out = {{"stdout", std::move(streams_[0].text)},
                     {"stderr", std::move(streams_[1].text)},
                     {"truncated", truncated_},
                     {"duration_ms", std::chrono::duration_cast<Millis>(Clock::now() - started_).count()}};
    if (ended_->exit_code) out["exit_code"] = *ended_->exit_code;
    if (ended_->signal) out["signal"] = *ended_->signal;
    finish({std::move(out)});
  }

  void finish(sdk::Result result) {
    finished_ = true;
    boost::system::error_code ignored;
    for (auto& s : streams_) s.pipe.close(ignored);
    in_.close(ignored);
    exit_.close(ignored);
    deadline_.cancel();
    grace_.cancel();
    poll_.cancel();
    if (on_end) on_end();
    call_.done(std::move(result));
  }

  ServiceCall call_;
  std::string stdin_;
  std::size_t max_output_ = 0;
  Millis kill_grace_{0}, timeout_{0};
  bool lines_ = false, truncated_ = false, finished_ = false, grace_over_ = false;
  const char* stopping_ = nullptr;
  int pid_ = -1;
  std::optional<Ended> ended_;
  Clock::time_point started_;
  asio::posix::stream_descriptor in_, exit_;
  asio::steady_timer deadline_, grace_, poll_;
  Stream streams_[2];
};

ProcessRunner::~ProcessRunner() {
  while (!running_.empty()) {
    const auto run = running_.begin()->second;
    running_.erase(running_.begin());
    run->on_end = nullptr;
    run->abandon();
  }
}

std::uint64_t ProcessRunner::start(ServiceCall call) {
  const auto ticket = next_++;
  auto run = std::make_shared<ProcessRun>(loop_, std::move(call));
  run->on_end = [this, ticket] { running_.erase(ticket); };
  if (!run->start()) return 0;
  running_.emplace(ticket, std::move(run));
  return ticket;
}

void ProcessRunner::cancel(std::uint64_t ticket) {
  if (const auto it = running_.find(ticket); it != running_.end()) {
    const auto run = it->second;
    run->stop("cancelled");
  }
}

}  // namespace understudy::host
