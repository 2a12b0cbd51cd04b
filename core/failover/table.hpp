// Which phase may follow which, and what ends each: the machine checks every change against this table, and a test
// checks the table itself (everything reachable, nothing without an end).
#pragma once

#include <span>
#include <string_view>

#include "core/failover/state.hpp"

namespace understudy::failover {

struct PhaseRow {
  Phase phase;
  std::string_view ends_by;  ///< the timeout or timer that ends the wait, from config::Limits or config::Target
  std::span<const Phase> next;
  bool instant = false;  ///< left in the step that entered it
};

[[nodiscard]] std::span<const PhaseRow> phase_table() noexcept;
[[nodiscard]] bool may_follow(Phase from, Phase to) noexcept;

}  // namespace understudy::failover
