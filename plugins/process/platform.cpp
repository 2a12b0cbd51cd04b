#include "platform.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>
#if defined(__linux__)
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#else
#include <sys/types.h>
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
#include <sys/event.h>
#endif
#endif

namespace process_plugin {
namespace {

using Clock = std::chrono::steady_clock;

[[nodiscard]] bool alive(int pid, std::uint64_t start) {
  const auto now = info(pid);
  return now && now->start == start && !now->zombie;
}

}  // namespace

#if defined(__linux__)

namespace {
/// What can be read of it: a process may end meanwhile, and a stream would throw then.
std::string slurp(const std::string& path) {
  std::string out;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return out;
  char some[4096];
  for (ssize_t n = 0; (n = ::read(fd, some, sizeof some)) > 0;) out.append(some, static_cast<std::size_t>(n));
  ::close(fd);
  return out;
}
}  // namespace

std::optional<ProcessInfo> info(int pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::string stat = slurp(folder + "/stat");
  const auto open = stat.find('('), close = stat.rfind(')');  // the name itself may hold parentheses
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  ProcessInfo out;
  out.pid = pid;
  out.name = stat.substr(open + 1, close - open - 1);
  std::istringstream rest(stat.substr(close + 2));
  std::string field;
  for (int i = 3; i <= 22 && rest >> field; ++i) {  // proc(5): state, process group, start time in ticks since boot
    if (i == 3) out.zombie = field == "Z" || field == "X";
    if (i == 5) out.group = std::atoi(field.c_str());
    if (i == 22) out.start = std::strtoull(field.c_str(), nullptr, 10);
  }
  out.command = slurp(folder + "/cmdline");
  std::ranges::replace(out.command, '\0', ' ');
  while (!out.command.empty() && out.command.back() == ' ') out.command.pop_back();
  struct stat owner{};
  if (::stat(folder.c_str(), &owner) == 0) out.user = owner.st_uid;
  return out;
}

std::vector<int> all_pids() {
  std::vector<int> out;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return out;
  while (const dirent* entry = ::readdir(proc)) {
    const int pid = std::atoi(entry->d_name);
    if (pid > 0) out.push_back(pid);
  }
  ::closedir(proc);
  return out;
}

std::vector<int> with_environment(const std::string& entry) {
  std::vector<int> out;
  const std::string wanted = '\0' + entry + '\0';
  for (const int pid : all_pids()) {
    const std::string text = '\0' + slurp("/proc/" + std::to_string(pid) + "/environ");
    if (text.find(wanted) == std::string::npos) continue;
    const auto found = info(pid);
    if (found && !found->zombie) out.push_back(pid);
  }
  return out;
}

std::vector<int> of_group(int group) {
  std::vector<int> out;
  for (const int pid : all_pids()) {
    const auto found = info(pid);
    if (found && found->group == group && !found->zombie) out.push_back(pid);
  }
  return out;
}

std::string boot_id() {
  std::string out = slurp("/proc/sys/kernel/random/boot_id");
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

int end_descriptor(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

void close_from(int first) noexcept {
#if defined(SYS_close_range)
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  for (int fd = first; fd < 65536; ++fd) ::close(fd);
}

#else  // ps(1) knows the same elsewhere; it does not show environments, so strays of another session are not found

namespace {
std::vector<ProcessInfo> ps(const std::string& which) {
  std::vector<ProcessInfo> out;
  std::FILE* pipe = ::popen(("ps " + which + " -o pid=,uid=,pgid=,state=,lstart=,ucomm=,command=").c_str(), "r");
  if (pipe == nullptr) return out;
  char line[8192];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    std::istringstream in(line);
    ProcessInfo p;
    std::string state, day, month, date, time, year;
    in >> p.pid >> p.user >> p.group >> state >> day >> month >> date >> time >> year >> p.name;
    std::getline(in, p.command);
    p.command.erase(0, p.command.find_first_not_of(' '));
    p.zombie = !state.empty() && state.front() == 'Z';
    p.start = std::hash<std::string>()(day + month + date + time + year);
    out.push_back(std::move(p));
  }
  ::pclose(pipe);
  return out;
}
}  // namespace

std::optional<ProcessInfo> info(int pid) {
  const auto found = ps("-p " + std::to_string(pid));
  return found.empty() ? std::nullopt : std::optional(found.front());
}
std::vector<int> all_pids() {
  std::vector<int> out;
  for (const auto& p : ps("-ax")) out.push_back(p.pid);
  return out;
}
std::vector<int> with_environment(const std::string&) { return {}; }
std::vector<int> of_group(int group) {
  std::vector<int> out;
  for (const auto& p : ps("-ax")) {
    if (p.group == group && !p.zombie) out.push_back(p.pid);
  }
  return out;
}
/// Not kern.boottime: that moves whenever the clock is corrected, and a record of another boot counts for nothing.
std::string boot_id() {
  std::FILE* pipe = ::popen("sysctl -n kern.bootsessionuuid 2>/dev/null || sysctl -n kern.boot_id 2>/dev/null", "r");
  if (pipe == nullptr) return {};
  char line[256] = {};
  if (std::fgets(line, sizeof line, pipe) == nullptr) line[0] = '\0';
  ::pclose(pipe);
  return line;
}
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
/// A kqueue with one interest: it is readable once that has happened.
int end_descriptor(int pid) {
  const int queue = ::kqueue();
  if (queue < 0) return -1;
  struct kevent wanted;
  EV_SET(&wanted, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (::kevent(queue, &wanted, 1, nullptr, 0, nullptr) == 0) return queue;
  ::close(queue);
  return -1;  // it has ended already, or is not ours to watch
}
#else
int end_descriptor(int) { return -1; }
#endif
void close_from(int first) noexcept {
  for (int fd = first; fd < 65536; ++fd) ::close(fd);
}

#endif

bool wait_for_end(int pid, std::uint64_t start, int timeout_ms) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  const int fd = end_descriptor(pid);
  if (fd >= 0 && alive(pid, start)) {
    pollfd watched{fd, POLLIN, 0};
    (void)::poll(&watched, 1, timeout_ms);
  }
  if (fd >= 0) ::close(fd);
  // Without a descriptor, and for a process that has ended but is not yet reaped by its parent, there is only looking.
  while (alive(pid, start)) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace process_plugin
