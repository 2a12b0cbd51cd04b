#include "launcher.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "platform.hpp"
#include "understudy/status.hpp"

extern char** environ;

namespace process_plugin {
namespace {

using understudy::sdk::Failure;
using understudy::sdk::Status;

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (::pipe(ends) != 0) throw Failure(Status::transient, std::string("pipe: ") + std::strerror(errno));
    for (const int fd : ends) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(int which) {
    if (ends[which] >= 0) ::close(ends[which]);
    ends[which] = -1;
  }
};

template <class T>
bool read_whole(int fd, T& out) {
  ssize_t n = 0;
  do {
    n = ::read(fd, &out, sizeof out);
  } while (n < 0 && errno == EINTR);
  return n == sizeof out;
}

std::vector<std::string> environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> out;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string entry(*e);
    if (!added.contains(entry.substr(0, entry.find('=')))) out.push_back(entry);
  }
  for (const auto& [k, v] : added) out.push_back(k + "=" + v);
  return out;
}

std::string program_path(const std::string& name, const std::string& cwd) {
  if (name.find('/') != std::string::npos) return name.front() == '/' || cwd.empty() ? name : cwd + "/" + name;
  const char* path = std::getenv("PATH");
  const std::string all = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t at = 0; at <= all.size();) {
    const auto end = std::min(all.find(':', at), all.size());
    const std::string candidate = all.substr(at, end - at) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  throw Failure(Status::invalid, "there is no program " + name + " in PATH",
                "install it, or give its path in `command`");
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

/// Async-signal-safe from here on: between fork and exec in a program with threads.
[[noreturn]] void run_command(const char* program, char** argv, char** env, const char* cwd, int go, int report,
                              int log) {
  ::setpgid(0, 0);
  const pid_t self = ::getpid();
  (void)!::write(report, &self, sizeof self);
  char byte = 0;
  ssize_t n = 0;
  do {
    n = ::read(go, &byte, 1);
  } while (n < 0 && errno == EINTR);
  if (n != 1) ::_exit(0);  // nobody knows of us: do not run
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  if (::dup2(report, 3) != 3 || ::fcntl(3, F_SETFD, FD_CLOEXEC) != 0) ::_exit(127);
  close_from(4);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  if (*cwd == '\0' || ::chdir(cwd) == 0) ::execve(program, argv, env);
  const int error = errno;
  (void)!::write(3, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

int launch(const LaunchSpec& spec, const std::function<void(int pid)>& record) {
  const std::string program = program_path(spec.argv.front(), spec.cwd);
  const int log = ::open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0)
    throw Failure(Status::invalid, "cannot write the log file " + spec.log_file + ": " + std::strerror(errno),
                  "check `log_file` and its folder");
  auto argv = spec.argv;
  auto env = environment(spec.env);
  const auto argv_pointers = pointers(argv);
  const auto env_pointers = pointers(env);
  Pipe go, report;
  const pid_t middle = ::fork();
  if (middle < 0) {
    ::close(log);
    throw Failure(Status::transient, std::string("fork: ") + std::strerror(errno));
  }
  if (middle == 0) {
    // A session of its own, and orphaned at once: init will reap it, and nobody's terminal or end takes it along.
    ::setsid();
    ::close(go.ends[1]);
    if (::fork() == 0) {
      run_command(program.c_str(), const_cast<char**>(argv_pointers.data()), const_cast<char**>(env_pointers.data()),
                  spec.cwd.c_str(), go.ends[0], report.ends[1], log);
    }
    ::_exit(0);
  }
  ::close(log);
  go.close(0);
  report.close(1);
  int ignored = 0;
  while (::waitpid(middle, &ignored, 0) < 0 && errno == EINTR) {
  }
  pid_t pid = -1;
  if (!read_whole(report.ends[0], pid)) throw Failure(Status::transient, "the process could not be forked");
  record(pid);  // throws: the pipe closes and the process ends without having run
  const char byte = 1;
  (void)!::write(go.ends[1], &byte, 1);
  int error = 0;
  if (read_whole(report.ends[0], error)) {
    throw Failure(Status::invalid,
                  "cannot run " + program + (spec.cwd.empty() ? "" : " in " + spec.cwd) + ": " + std::strerror(error),
                  "check `command` and `cwd`");
  }
  return pid;
}

}  // namespace process_plugin
