// Tells at once when one of the watched processes ends. A thread of its own that sleeps until then.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace process_plugin {

class Watcher {
 public:
  /// `ended` runs on the watcher's thread.
  explicit Watcher(std::function<void(int pid)> ended);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  /// Watches a process once, however often it is named. [any thread]
  void watch(int pid, std::uint64_t start);

 private:
  void loop();
  void wake();

  std::function<void(int)> ended_;
  std::mutex mutex_;
  std::map<int, std::pair<std::uint64_t, int>> watched_;  ///< pid → start time, descriptor (-1: looked at regularly)
  int pipe_[2] = {-1, -1};
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace process_plugin
