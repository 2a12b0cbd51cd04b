#include "core/policy/worst_case.hpp"

#include <algorithm>

namespace understudy::policy {
namespace {

/// The next check may be this much later than its interval says.
Millis stretched(Millis interval, double jitter) {
  return Millis(static_cast<std::int64_t>(static_cast<double>(interval.count()) * (1 + jitter)) + 10);
}

/// The checks of a chain are asked one after the other, each with a time of its own.
Millis notice_of(const config::Detect& d, std::size_t checks, Millis reference) {
  const auto round =
      d.timeout *
          (d.combine == config::Combine::chain ? std::max<std::int64_t>(1, static_cast<std::int64_t>(checks)) : 1) +
      reference;
  // All checks are asked, and a healthy round may wait for one that hangs, long after another one has passed.
  const bool some_suffice = d.combine == config::Combine::any ||
                            (d.combine == config::Combine::k_of_n && static_cast<std::size_t>(d.k) < checks);
  const Millis late = some_suffice && checks > 1 ? d.timeout : Millis(0);
  return late + stretched(d.interval, d.jitter) + round + (stretched(d.fast_interval, d.jitter) + round) * (d.fall - 1);
}

}  // namespace

WorstCase worst_case(const config::Service& service, const config::Target& from, Millis reference, bool stops) {
  WorstCase out;
  out.notice = notice_of(from.detect ? *from.detect : service.detect, from.health.size(), reference);
  if (from.lease) out.fence = lease::wait_of(service.lease);
  if (stops) out.stop = from.deactivate_timeout;
  if (service.state && service.state->save_on_failover && !from.paths.empty()) out.save = service.state->save_timeout;
  bool first = true;
  for (const auto& t : service.targets) {
    if (t.id == from.id) continue;
    out.start = std::max(out.start, t.activate_timeout * 2);  // its start, then its verification
    out.declared = first ? t.declared.ready_in : std::min(out.declared, t.declared.ready_in);
    first = false;
  }
  return out;
}

}  // namespace understudy::policy
