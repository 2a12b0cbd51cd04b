// What the targets of a service cost, as a provider bills it: time at rest and time active, each start's fee and
// transfer, and what a run was shorter than the minimum billing. Pure.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/model/cost.hpp"
#include "core/model/ids.hpp"

namespace understudy::policy {

class Meter {
 public:
  struct Rate {
    TargetId target;
    Price price;
    bool active = false;
  };

  /// From `now` on these hold; what has passed since the last call is charged to those that were active then. A run
  /// that was under way at the first call has no known beginning, and no minimum billing.
  void pass(Time now, const std::vector<Rate>& rates);
  /// A start was asked for, with so much state, in units of 10^9 bytes.
  void starts(const TargetId& target, const Price& price, double gb);
  /// What has been charged since it was last taken; nothing of it is 0.
  [[nodiscard]] std::map<TargetId, Usd> take();

 private:
  struct Known {
    bool active = false;
    std::optional<Time> began;
  };
  void charge(const TargetId& target, Usd amount);

  std::optional<Time> last_;
  std::map<TargetId, Known> known_;
  std::map<TargetId, Usd> charged_;
};

}  // namespace understudy::policy
