#include "core/host/boot_clock.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <ctime>
#if defined(__linux__)
#include <sys/timerfd.h>
#elif defined(__APPLE__)
#include <mach/mach_time.h>
#endif

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace understudy::host {
namespace {

namespace asio = boost::asio;
constexpr Micros slice{100'000};  // where there is no alarm: a suspend is noticed this soon after the wake

}  // namespace

Time boot_now() noexcept {
#if defined(__linux__)
  timespec now{};
  if (::clock_gettime(CLOCK_BOOTTIME, &now) == 0)
    return Time(Micros(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000));
#elif defined(__APPLE__)
  mach_timebase_info_data_t base{};
  ::mach_timebase_info(&base);
  const auto ticks = static_cast<double>(::mach_continuous_time());
  return Time(Micros(static_cast<std::int64_t>(ticks * base.numer / base.denom / 1000)));
#endif
  return Time(std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()));
}

#if defined(__linux__)
BootAlarm::BootAlarm() noexcept : fd_(::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {}

void BootAlarm::set(std::optional<Time> when) noexcept {
  if (fd_ < 0) return;
  itimerspec spec{};  // all zero: disarmed
  if (when) {
    const auto at = std::max<std::int64_t>(when->time_since_epoch().count(), 1);
    spec.it_value.tv_sec = static_cast<std::time_t>(at / 1'000'000);
    spec.it_value.tv_nsec = static_cast<long>(at % 1'000'000) * 1000;
  }
  ::timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
}
#else
BootAlarm::BootAlarm() noexcept : fd_(-1) {}
void BootAlarm::set(std::optional<Time>) noexcept {}
#endif

BootAlarm::~BootAlarm() {
  if (fd_ >= 0) ::close(fd_);
}

struct BootTimer::Impl : std::enable_shared_from_this<Impl> {
  BootAlarm alarm;
  asio::posix::stream_descriptor readable;
  asio::steady_timer polling;
  std::optional<Time> when;
  std::function<void()> then;
  std::uint64_t turn = 0;  ///< of what is waited for: a wake of an older turn is dropped

  explicit Impl(asio::io_context& loop) : readable(loop), polling(loop) {
    const int fd = alarm.descriptor() >= 0 ? ::fcntl(alarm.descriptor(), F_DUPFD_CLOEXEC, 0) : -1;
    if (fd >= 0) readable.assign(fd);
  }

  void wait() {
    const auto look = [self = shared_from_this(), mine = turn](const boost::system::error_code& error) {
      if (!error && self->turn == mine) self->look();
    };
    if (readable.is_open()) {
      alarm.set(when);
      return readable.async_wait(asio::posix::stream_descriptor::wait_read, look);
    }
    polling.expires_after(std::clamp(*when - boot_now(), Micros(0), slice));
    polling.async_wait(look);
  }

  void look() {
    if (boot_now() < *when) return wait();
    forget();
    if (const auto run = std::exchange(then, nullptr)) run();
  }

  void forget() {
    ++turn;
    when.reset();
    alarm.set(std::nullopt);
    if (readable.is_open()) readable.cancel();
    polling.cancel();
  }
};

BootTimer::BootTimer(asio::io_context& loop) : impl_(std::make_shared<Impl>(loop)) {}
BootTimer::~BootTimer() { cancel(); }

void BootTimer::wait_until(Time when, std::function<void()> then) {
  impl_->forget();
  impl_->when = when;
  impl_->then = std::move(then);
  impl_->wait();
}

void BootTimer::cancel() {
  impl_->forget();
  impl_->then = nullptr;
}

}  // namespace understudy::host
