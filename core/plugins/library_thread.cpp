#include "core/plugins/library_thread.hpp"

namespace understudy::plugins {
namespace {
constexpr std::size_t longest_queue = 10'000;
using Clock = std::chrono::steady_clock;
}  // namespace

/// Owned by both sides, so that a thread left behind still finds its queue.
struct LibraryThread::Shared {
  std::mutex mutex;
  std::condition_variable wake, idle;
  std::deque<std::function<void()>> tasks;
  bool stop = false, running = false;
  Clock::time_point since{};

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return stop || !tasks.empty(); });
      if (tasks.empty()) return;
      auto task = std::move(tasks.front());
      tasks.pop_front();
      running = true;
      since = Clock::now();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
      running = false;
      if (tasks.empty()) idle.notify_all();
    }
  }
};

LibraryThread::LibraryThread() : shared_(std::make_shared<Shared>()), thread_([shared = shared_] { shared->run(); }) {}

LibraryThread::~LibraryThread() {
  const bool done = drain(std::chrono::seconds(1));
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    if (!done) shared_->tasks.clear();
  }
  shared_->wake.notify_all();
  if (done) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

bool LibraryThread::post(std::function<void()> task) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->tasks.size() >= longest_queue) return false;
    shared_->tasks.push_back(std::move(task));
  }
  shared_->wake.notify_one();
  return true;
}

std::chrono::milliseconds LibraryThread::busy_for() const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->running) return std::chrono::milliseconds(0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - shared_->since);
}

bool LibraryThread::drain(std::chrono::milliseconds at_most) {
  std::unique_lock lock(shared_->mutex);
  return shared_->idle.wait_for(lock, at_most, [this] { return shared_->tasks.empty() && !shared_->running; });
}

}  // namespace understudy::plugins
