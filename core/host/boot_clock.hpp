// The boot-time clock: monotonic, and goes on while the host is suspended. One for all processes of a host, so that
// what one process reads means the same to another. Linux: CLOCK_BOOTTIME; macOS: mach_continuous_time; elsewhere the
// steady clock, which may stand still during a suspend.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>

#include "core/model/time.hpp"

namespace understudy::host {

/// [any thread, signal-safe]
[[nodiscard]] Time boot_now() noexcept;

/// A descriptor that becomes readable at a boot-clock time: for poll(). Where the system has none, poll in short slices
/// instead.
class BootAlarm {
 public:
  BootAlarm() noexcept;
  ~BootAlarm();
  BootAlarm(const BootAlarm&) = delete;
  BootAlarm& operator=(const BootAlarm&) = delete;

  /// -1: none.
  [[nodiscard]] int descriptor() const noexcept { return fd_; }
  /// In the past: at once. None: never. It stays readable until it is set again.
  void set(std::optional<Time> when) noexcept;

 private:
  int fd_;
};

/// Waits for a boot-clock time, on the loop.
class BootTimer {
 public:
  explicit BootTimer(boost::asio::io_context& loop);
  ~BootTimer();  ///< nothing runs any more
  BootTimer(const BootTimer&) = delete;
  BootTimer& operator=(const BootTimer&) = delete;

  /// Forgets what it waited for. `then` runs once, never inside of this call.
  void wait_until(Time when, std::function<void()> then);
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace understudy::host
