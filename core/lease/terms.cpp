#include "core/lease/terms.hpp"

#include <cmath>

#include <fmt/format.h>

namespace understudy::lease {

Millis wait_of(const Terms& terms) noexcept {
  const double rho = terms.clock_error;
  const double held = static_cast<double>((terms.ttl + terms.kill_time).count()) / (1 - rho);
  const double wait = held * (1 + rho) + static_cast<double>(terms.margin.count());
  return Millis(static_cast<std::int64_t>(std::ceil(wait / 1000)) * 1000);
}

std::optional<std::string> problem_of(const Terms& terms) {
  const auto needed = terms.renew_every + 2 * terms.op_timeout;
  if (needed <= terms.ttl) return std::nullopt;
  return fmt::format(
      "renew_every + 2 x op_timeout is {} ms, more than ttl ({} ms): one lost renewal would stop the service",
      needed.count(), terms.ttl.count());
}

}  // namespace understudy::lease
