#include "core/host/child.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "core/host/boot_clock.hpp"

extern char** environ;

namespace understudy::host {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  [[nodiscard]] bool open() {
#if defined(__linux__)
    return ::pipe2(ends, O_CLOEXEC) == 0;
#else
    if (::pipe(ends) != 0) return false;
    for (const int fd : ends) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return true;
#endif
  }
  void close(int which) {
    if (ends[which] >= 0) ::close(ends[which]);
    ends[which] = -1;
  }
  int take(int which) { return std::exchange(ends[which], -1); }
  ~Pipe() {
    close(0);
    close(1);
  }
};

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t at = 0; at <= rest.size();) {
    const auto end = std::min(rest.find(':', at), rest.size());
    std::string candidate = rest.substr(at, end - at) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return {};
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added, bool clean) {
  std::vector<std::string> out;
  for (char** e = environ; !clean && *e != nullptr; ++e) {
    const std::string_view entry(*e);
    if (!added.contains(std::string(entry.substr(0, entry.find('='))))) out.emplace_back(entry);
  }
  for (const auto& [k, v] : added) out.push_back(k + "=" + v);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

/// In the child: whoever must know of it hears of it before it does anything.
void announce(const ChildSpec& spec) {
  if (spec.announce_to < 0) return;
  const Announcement said{spec.announce_tag, ::getpid()};
#if defined(MSG_NOSIGNAL)
  (void)!::send(spec.announce_to, &said, sizeof said, MSG_NOSIGNAL | MSG_DONTWAIT);
#else
  (void)!::send(spec.announce_to, &said, sizeof said, MSG_DONTWAIT);
#endif
}

[[noreturn]] void give_up(int report, int error) {
  (void)!::write(report, &error, sizeof error);
  ::_exit(127);
}

/// In the child: sockets that a library has opened without close-on-exec, a listening one among them, would be kept by
/// what outlives us, and our successor could not listen there.
void keep_nothing_open() {
#if defined(__linux__) && defined(SYS_close_range)
  if (::syscall(SYS_close_range, 3U, ~0U, 1U << 2) == 0) return;  // CLOSE_RANGE_CLOEXEC
#endif
  constexpr int many = 1024;
  for (int fd = 3; fd < many; ++fd) {
    if (const int flags = ::fcntl(fd, F_GETFD); flags >= 0) ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
  }
}

/// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(const ChildSpec& spec, const char* program, char** argv, char** env, int in, int out, int err,
                         int report, [[maybe_unused]] int parent) {
  ::setpgid(0, 0);
#if defined(__linux__)
  if (parent > 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // it ended before that
  }
#endif
  announce(spec);
  keep_nothing_open();
  const int passed = spec.pass_descriptor;
  const char* cwd = spec.cwd.c_str();
  if (passed >= 0) {  // the report's own descriptor may be the one that is to be taken
    report = ::fcntl(report, F_DUPFD_CLOEXEC, 10);
    in = ::fcntl(in, F_DUPFD_CLOEXEC, 10);
    if (out >= 0) out = ::fcntl(out, F_DUPFD_CLOEXEC, 10);
    if (err >= 0) err = ::fcntl(err, F_DUPFD_CLOEXEC, 10);
    if (passed == 3) {
      ::fcntl(3, F_SETFD, 0);
    } else {
      ::dup2(passed, 3);
    }
    if (spec.keep_descriptor > 3) ::fcntl(spec.keep_descriptor, F_SETFD, 0);
  }
  ::dup2(in, 0);
  if (out >= 0) ::dup2(out, 1);
  if (err >= 0) ::dup2(err, 2);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  if (*cwd != '\0' && ::chdir(cwd) != 0) give_up(report, errno);
  if (spec.not_after && boot_now() >= *spec.not_after) give_up(report, ETIME);  // as late as can be
  ::execve(program, argv, env);
  give_up(report, errno);
}

}  // namespace

SpawnResult spawn(const ChildSpec& spec) {
  const std::string program = find_program(spec.argv.front());
  if (program.empty()) return {{}, ENOENT, spec.argv.front()};
  Pipe in, out, err, report;
  const bool pipes = spec.inherit_output || (out.open() && err.open());
  if (!pipes || !in.open() || !report.open()) return {{}, errno, "pipe"};
  auto argv = spec.argv;
  auto env = merged_environment(spec.env, spec.clean_environment);
  const auto argv_pointers = pointers(argv);
  const auto env_pointers = pointers(env);
  const int parent = spec.die_with_parent ? static_cast<int>(::getpid()) : 0;
  const int pid = ::fork();
  if (pid < 0) return {{}, errno, "fork"};
  if (pid == 0) {
    become(spec, program.c_str(), const_cast<char**>(argv_pointers.data()), const_cast<char**>(env_pointers.data()),
           in.ends[0], out.ends[1], err.ends[1], report.ends[1], parent);
  }
  ::setpgid(pid, pid);  // both sides, so that a kill of the group can never come too early
  report.close(1);
  int error = 0;
  ssize_t n = 0;
  do {
    n = ::read(report.ends[0], &error, sizeof error);
  } while (n < 0 && errno == EINTR);
  if (n == sizeof error) {
    ::waitpid(pid, nullptr, 0);
    return {
        {}, error, error == ENOENT && !spec.cwd.empty() && ::access(spec.cwd.c_str(), X_OK) != 0 ? spec.cwd : program};
  }
  return {Child{pid, in.take(1), out.take(0), err.take(0)}, 0, {}};
}

std::optional<Ended> reap(int pid) {
  int status = 0;
  const int got = ::waitpid(pid, &status, WNOHANG);
  if (got == 0) return std::nullopt;
  if (got < 0) return Ended{-1, {}};
  if (WIFSIGNALED(status)) return Ended{{}, WTERMSIG(status)};
  return Ended{WEXITSTATUS(status), {}};
}

bool has_ended(int pid) noexcept {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

int exit_descriptor(int pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
#else
  (void)pid;
  return -1;
#endif
}

}  // namespace understudy::host
