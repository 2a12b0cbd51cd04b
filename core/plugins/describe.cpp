// A library's manifest, read in a child process.
#include <poll.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "core/host/child.hpp"
#include "core/plugins/library.hpp"
#include "core/plugins/start_patience.hpp"

namespace understudy::plugins {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience_at_end = std::chrono::seconds(1);
constexpr std::size_t largest_answer = 2 * 1024 * 1024;

/// What the child prints until it ends; nothing when it takes too long.
std::optional<std::string> read_all(int fd, Clock::time_point until) {
  std::string out;
  char buffer[4096];
  while (out.size() < largest_answer) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd one{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&one, 1, static_cast<int>(left)) <= 0) return std::nullopt;
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  return out;
}

/// How it ended. What does not by itself is killed: it may have closed what it prints to, and go on.
std::string end_of(int pid) {
  const auto until = Clock::now() + patience_at_end;
  bool killed = false;
  for (; Clock::now() < until + patience_at_end; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    if (const auto ended = host::reap(pid)) {
      if (killed) return "it did not end";
      if (ended->signal) return std::string("it died of ") + ::strsignal(*ended->signal);
      return "it ended with exit code " + std::to_string(ended->exit_code.value_or(-1));
    }
    if (!killed && Clock::now() >= until) killed = ::kill(-pid, SIGKILL) == 0;
  }
  return "it cannot be ended";
}

}  // namespace

std::variant<std::shared_ptr<Library>, LoadError> describe_library(const std::filesystem::path& path,
                                                                   const std::filesystem::path& program) {
  const std::string file = path.string();
  host::ChildSpec spec;
  spec.argv = {program.string(), "plugin-host", "--describe", file};
  spec.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  spec.clean_environment = true;
  const auto spawned = host::spawn(spec);
  if (!spawned.child)
    return LoadError{"cannot run " + spawned.what + ": " + std::strerror(spawned.error),
                     "is Understudy installed whole?"};
  const auto& child = *spawned.child;
  const auto said = read_all(child.out, Clock::now() + start_patience);
  for (const int fd : {child.in, child.out, child.err}) ::close(fd);
  if (!said) ::kill(-child.pid, SIGKILL);
  const std::string end = end_of(child.pid);
  if (!said)
    return LoadError{file + ": did not describe itself within " + std::to_string(start_patience_s) + " s",
                     "what runs when it is loaded must return at once"};
  auto manifest = read_description(path, *said, end);
  if (auto* error = std::get_if<LoadError>(&manifest)) return *error;
  auto out = std::make_shared<Library>();
  out->path_ = path;
  out->manifest_ = std::move(std::get<Manifest>(manifest));
  return out;
}

}  // namespace understudy::plugins
