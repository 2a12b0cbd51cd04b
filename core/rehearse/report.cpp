#include "core/rehearse/report.hpp"

#include <algorithm>
#include <cmath>

namespace understudy::rehearse {

std::string_view to_string(Cause cause) noexcept {
  switch (cause) {
    case Cause::outage: return "outage";
    case Cause::planned: return "planned";
    case Cause::needless: break;
  }
  return "needless";
}

Spread spread_of(std::vector<Millis> samples) {
  Spread out;
  if (samples.empty()) return out;
  std::ranges::sort(samples);
  const auto at = [&](double p) {
    const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(samples.size())));
    return samples[std::max<std::size_t>(rank, 1) - 1];
  };
  out = {static_cast<int>(samples.size()), at(0.50), at(0.95), at(0.99), samples.back()};
  return out;
}

double Report::availability() const noexcept {
  const double all = static_cast<double>(length.count()) / 1000;
  return all > 0 ? 1 - static_cast<double>(downtime().count()) / all : 1;
}

double Report::years() const noexcept { return static_cast<double>(length.count()) / (365.25 * 86'400e6); }

Usd Report::spent() const noexcept {
  Usd out;
  for (const auto& m : money) out += m.total();
  return out;
}

}  // namespace understudy::rehearse
