#include "core/policy/meter.hpp"

#include <utility>

namespace understudy::policy {
namespace {

double hours(Micros span) { return static_cast<double>(span.count()) / 3'600e6; }

}  // namespace

void Meter::pass(Time now, const std::vector<Rate>& rates) {
  for (const auto& rate : rates) {
    auto& known = known_[rate.target];
    const auto& price = rate.price;
    if (last_)
      charge(rate.target, (known.active ? price.active_per_hour : price.standby_per_hour) * hours(now - *last_));
    if (known.active && !rate.active && known.began && now - *known.began < price.min_billing)
      charge(rate.target, price.active_per_hour * hours(price.min_billing - (now - *known.began)));
    if (rate.active != known.active || !rate.active)
      known.began = rate.active && last_ ? std::optional(now) : std::nullopt;
    known.active = rate.active;
  }
  last_ = now;
}

void Meter::starts(const TargetId& target, const Price& price, double gb) {
  charge(target, price.activation + price.transfer_per_gb * gb);
}

std::map<TargetId, Usd> Meter::take() { return std::exchange(charged_, {}); }

void Meter::charge(const TargetId& target, Usd amount) {
  if (amount.value > 0) charged_[target] += amount;
}

}  // namespace understudy::policy
