// The systemd notification protocol, without libsystemd: one datagram to the socket that $NOTIFY_SOCKET names.
// Does nothing where there is none. Protocol: sd_notify(3).
#pragma once

#include <optional>
#include <string_view>

#include "core/model/time.hpp"

namespace understudy::runtime {

/// "READY=1", "STOPPING=1", "STATUS=...", "WATCHDOG=1". False when it was not sent. The caller waits for a manager that
/// does not read, and no longer than `at_most`: a sign of life comes again soon, what is said only once is worth more.
bool sd_notify(std::string_view message, Millis at_most = Millis(20)) noexcept;
/// How often WATCHDOG=1 must come ($WATCHDOG_USEC, for this process), or nothing.
[[nodiscard]] std::optional<Millis> watchdog_interval() noexcept;

}  // namespace understudy::runtime
