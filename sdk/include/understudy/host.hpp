// SPDX-License-Identifier: Apache-2.0
// Host: what an instance may ask of Understudy. One per instance; the SDK makes it, the author keeps a reference
// (valid as long as the provider object). Worker: a thread for straight blocking code.
//
// Callbacks given to call() run on the [loop]; they must return at once. blocking() waits, so it is for worker threads
// only. Every host service is listed in docs/plugins/methods.md.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "understudy/json.hpp"
#include "understudy/reply.hpp"
#include "understudy/status.hpp"

namespace understudy::sdk {

namespace detail {

[[nodiscard]] inline us_bytes bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }
[[nodiscard]] inline std::string_view view(us_bytes raw) noexcept {
  return raw.len == 0 ? std::string_view() : std::string_view(raw.data, raw.len);
}
[[nodiscard]] inline std::string dump(const Json& value) { return write_json(value); }

/// So much of a port is written by who says `size`, and known to us.
[[nodiscard]] inline std::uint32_t common_size(std::uint32_t size) noexcept {
  return std::clamp<std::uint32_t>(size, US_PORT_SIZE_1_0, sizeof(us_port));
}
/// The other side may have been built with a smaller us_port: nothing behind its end is read, or written.
[[nodiscard]] inline us_port read_port(const us_port& theirs) noexcept {
  us_port out{};
  std::memcpy(&out, &theirs, common_size(theirs.size));
  return out;
}
inline void write_port(us_port* theirs, us_port ours) noexcept {
  ours.size = common_size(theirs->size);
  std::memcpy(theirs, &ours, ours.size);
}

/// The host's port with a door that destroy() closes: after close() returns, no verb is called again.
class HostPort {
 public:
  explicit HostPort(const us_port& port) : port_(read_port(port)) {}

  template <class Fn>
  bool with(Fn&& fn) {
    inside_.fetch_add(1);
    const bool open = !closed_.load();
    if (open) fn(port_);
    inside_.fetch_sub(1);
    return open;
  }
  void close() {
    closed_.store(true);
    while (inside_.load() != 0) std::this_thread::yield();
  }

 private:
  us_port port_;
  std::atomic<bool> closed_{false};
  std::atomic<int> inside_{0};
};

}  // namespace detail

enum class LogLevel { debug, info, warning, error };

class Host {
 public:
  using Done = std::function<void(Result)>;
  using OnItem = std::function<void(const Json&)>;

  explicit Host(const us_port& port) : port_(std::make_shared<detail::HostPort>(port)) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Calls a host service; `done` runs once on the [loop]. `on_item` gets the items of a streaming call
  /// (an HTTP stream's lines, a child's output lines) as they come. [any thread]
  us_op call(std::string_view method, const Json& params, Millis budget, Done done, OnItem on_item = {}) {
    const us_op op = next_op_.fetch_add(1);
    {
      const std::lock_guard lock(mutex_);
      pending_.emplace(op, Pending{std::move(done), std::move(on_item)});
    }
    const std::string body = detail::dump(params);
    const bool open = port_->with([&](const us_port& port) {
      port.call(port.ctx, op, detail::bytes(method), detail::bytes(body), budget.count());
    });
    if (!open) complete(op, US_CANCELLED, {});
    return op;
  }

  /// Advisory; the call still completes once. [any thread]
  void cancel(us_op op) {
    port_->with([&](const us_port& port) { port.cancel(port.ctx, op); });
  }

  /// call() that waits. Never on the [loop]: it would wait for itself.
  [[nodiscard]] Result blocking(std::string_view method, const Json& params, Millis budget, OnItem on_item = {}) {
    auto promise = std::make_shared<std::promise<Result>>();
    auto future = promise->get_future();
    call(method, params, budget, [promise](Result r) { promise->set_value(std::move(r)); }, std::move(on_item));
    return future.get();
  }

  /// One-way message to the host; may be dropped. [any thread]
  void notify(std::string_view topic, const Json& params) {
    const std::string body = detail::dump(params);
    port_->with([&](const us_port& port) { port.notify(port.ctx, detail::bytes(topic), detail::bytes(body)); });
  }

  void log(LogLevel level, std::string_view message, const Json& fields = Json::object()) {
    static constexpr const char* names[] = {"debug", "info", "warning", "error"};
    notify("log", {{"level", names[static_cast<int>(level)]}, {"message", message}, {"fields", fields}});
  }
  /// HealthSource: something happened that is worth a check now. `gone` says that the thing watched has certainly
  /// ended.
  void hint(std::string_view reason, bool gone = false) { notify("health.hint", {{"reason", reason}, {"gone", gone}}); }
  /// Progress of a long operation, for people. `total` 0: not known.
  void progress(std::string_view operation, std::int64_t done, std::int64_t total, std::string_view unit) {
    notify("progress", {{"operation", operation}, {"done", done}, {"total", total}, {"unit", unit}});
  }

  // ---- for the SDK's own trampolines -----------------------------------------------------------------------------
  [[nodiscard]] const std::shared_ptr<detail::HostPort>& port() const noexcept { return port_; }

  void complete(us_op op, std::int32_t status, us_bytes body) {
    Pending entry;
    {
      const std::lock_guard lock(mutex_);
      const auto it = pending_.find(op);
      if (it == pending_.end()) return;
      entry = std::move(it->second);
      pending_.erase(it);
    }
    if (entry.done) entry.done(parse(status_from(status), body));
  }

  void item(const Json& params) {
    OnItem handler;
    {
      const std::lock_guard lock(mutex_);
      const auto it = pending_.find(params.value("op", us_op{0}));
      if (it == pending_.end()) return;
      handler = it->second.on_item;
    }
    if (handler) handler(params);
  }

  /// No verb is called after this; callbacks that wait are answered `cancelled`, so that no worker waits for ever.
  void close() {
    port_->close();
    std::unordered_map<us_op, Pending> orphans;
    {
      const std::lock_guard lock(mutex_);
      orphans.swap(pending_);
    }
    for (auto& [op, entry] : orphans) {
      if (entry.done) entry.done({{}, {Status::cancelled, "the instance is being destroyed", {}, {}, {}}});
    }
  }

 private:
  struct Pending {
    Done done;
    OnItem on_item;
  };

  static Result parse(Status status, us_bytes body) {
    Json value = read_json(detail::view(body));
    if (status != Status::ok) return {{}, Error::from_json(status, value)};
    if (value.is_discarded()) return {{}, {Status::unknown, "the host's answer is not JSON", {}, {}, {}}};
    return {std::move(value), {Status::ok, {}, {}, {}, {}}};
  }

  std::shared_ptr<detail::HostPort> port_;
  std::atomic<us_op> next_op_{1};
  std::mutex mutex_;
  std::unordered_map<us_op, Pending> pending_;
};

/// One thread that runs tasks in order, so that an author may write blocking code. Starts with the first task; the
/// destructor lets the running task end and drops the rest. A task must not outlive its budget: pass it on.
class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      tasks_.clear();
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    tasks_.push_back(std::move(task));
    if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
    wake_.notify_one();
  }

  /// Runs fn() on the thread and answers `reply` with what it returns, or with what it throws.
  template <class T, class Fn>
  void answer(Reply<T>&& reply, Fn fn) {
    post([kept = share(std::move(reply)), fn = std::move(fn)]() mutable {
      try {
        (*kept)(fn());
      } catch (const Failure& failure) {
        kept->fail(failure.error());
      } catch (const std::exception& e) {
        kept->fail(Status::unknown, e.what());
      } catch (...) {  // out of the thread it would end the process
        kept->fail(Status::unknown, "the plugin threw something that is no std::exception");
      }
    });
  }

 private:
  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
      if (stop_) return;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      task = nullptr;  // its captures go before the lock is taken again
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::thread thread_;
  bool stop_ = false;
};

}  // namespace understudy::sdk
