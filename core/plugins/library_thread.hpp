// A thread that runs the [loop] verbs of one library, one after the other, so that a plugin that blocks or hangs does
// not stop the core.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace understudy::plugins {

class LibraryThread {
 public:
  LibraryThread();
  /// Joins when the thread is idle or becomes so within a second; otherwise leaves it behind.
  ~LibraryThread();
  LibraryThread(const LibraryThread&) = delete;
  LibraryThread& operator=(const LibraryThread&) = delete;

  /// [any thread] False when the queue is full.
  bool post(std::function<void()> task);
  /// How long the running task has been running; 0 when idle.
  [[nodiscard]] std::chrono::milliseconds busy_for() const;
  /// Waits for what is queued. False when it did not end in time.
  [[nodiscard]] bool drain(std::chrono::milliseconds at_most);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace understudy::plugins
