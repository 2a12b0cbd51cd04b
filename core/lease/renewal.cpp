#include "core/lease/renewal.hpp"

#include <fmt/format.h>

namespace understudy::lease {

Judgement judge(const Register& reg, const Renewal& renewal) {
  using Verdict = Judgement::Verdict;
  if (reg.holder.empty()) return {Verdict::undecided, "it is still being found out where the service runs"};
  if (renewal.epoch != reg.epoch)
    return {Verdict::stale,
            fmt::format("epoch {} is not the newest, that is {}", renewal.epoch.value, reg.epoch.value)};
  if (renewal.target != reg.holder)
    return {Verdict::stranger, fmt::format("epoch {} was granted to {}, not to {}", reg.epoch.value, reg.holder.value,
                                           renewal.target.value)};
  if (reg.revoked) return {Verdict::revoked, fmt::format("epoch {} is revoked", reg.epoch.value)};
  return {};
}

}  // namespace understudy::lease
