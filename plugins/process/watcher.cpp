#include "watcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <vector>

#include "platform.hpp"

namespace process_plugin {
namespace {
constexpr int look_every_ms = 200;  // only where the system has no descriptor for a process
}

Watcher::Watcher(std::function<void(int)> ended) : ended_(std::move(ended)) {
  if (::pipe(pipe_) == 0) {
    for (const int fd : pipe_) {
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
      ::fcntl(fd, F_SETFL, O_NONBLOCK);
    }
  }
  thread_ = std::thread([this] { loop(); });
}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake();
  thread_.join();
  for (const auto& [pid, entry] : watched_) {
    if (entry.second >= 0) ::close(entry.second);
  }
  for (const int fd : pipe_) ::close(fd);
}

void Watcher::wake() {
  const char byte = 0;
  (void)!::write(pipe_[1], &byte, 1);
}

void Watcher::watch(int pid, std::uint64_t start) {
  {
    const std::lock_guard lock(mutex_);
    if (watched_.contains(pid)) return;
    watched_[pid] = {start, end_descriptor(pid)};
  }
  wake();
}

void Watcher::loop() {
  while (true) {
    std::vector<pollfd> fds{{pipe_[0], POLLIN, 0}};
    bool look = false;
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
      for (const auto& [pid, entry] : watched_) {
        if (entry.second >= 0) {
          fds.push_back({entry.second, POLLIN, 0});
        } else {
          look = true;
        }
      }
    }
    (void)::poll(fds.data(), static_cast<nfds_t>(fds.size()), look ? look_every_ms : -1);
    char drained[64];
    while (::read(pipe_[0], drained, sizeof drained) > 0) {
    }
    std::vector<int> gone;
    {
      const std::lock_guard lock(mutex_);
      for (auto it = watched_.begin(); it != watched_.end();) {
        pollfd one{it->second.second, POLLIN, 0};
        const bool by_descriptor = it->second.second >= 0 && ::poll(&one, 1, 0) > 0;
        const auto now = by_descriptor ? std::nullopt : info(it->first);
        const bool by_look =
            !by_descriptor && it->second.second < 0 && (!now || now->start != it->second.first || now->zombie);
        if (!by_descriptor && !by_look) {
          ++it;
          continue;
        }
        gone.push_back(it->first);
        if (it->second.second >= 0) ::close(it->second.second);
        it = watched_.erase(it);
      }
    }
    for (const int pid : gone) ended_(pid);
  }
}

}  // namespace process_plugin
