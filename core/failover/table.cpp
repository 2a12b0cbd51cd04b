#include "core/failover/table.hpp"

#include <algorithm>
#include <array>

namespace understudy::failover {
namespace {

using enum Phase;
constexpr std::array from_starting{active, plan, fence, failback, gate, activate, verify, paused, hold};
constexpr std::array from_active{suspect, plan, paused, hold};
constexpr std::array from_suspect{active, plan, paused, hold};
constexpr std::array from_plan{active, revoke, failback, gate, paused, hold};
constexpr std::array from_revoke{fence, failback};
constexpr std::array from_fence{gate, hold, active, plan};
constexpr std::array from_failback{gate, hold, active, plan};
constexpr std::array from_gate{grant, hold};
constexpr std::array from_grant{activate};
constexpr std::array from_activate{verify, revoke, plan, gate, hold};
constexpr std::array from_verify{active, revoke, plan, hold};
constexpr std::array from_paused{active, suspect, plan, hold};
constexpr std::array from_hold{starting, active, plan, fence, failback, gate, revoke};

constexpr std::array<PhaseRow, phase_count> rows{{
    {starting, "limits.plan_timeout", from_starting},
    {active, "service.observe_every", from_active},
    {suspect, "detect.fall x detect.interval", from_suspect},
    {plan, "limits.plan_timeout", from_plan},
    {revoke, "", from_revoke, true},
    {fence, "limits.fence_timeout", from_fence},
    {failback, "limits.fence_timeout", from_failback},
    {gate, "", from_gate, true},
    {grant, "", from_grant, true},
    {activate, "target.activate_timeout", from_activate},
    {verify, "target.activate_timeout", from_verify},
    {paused, "pause.until", from_paused},
    {hold, "limits.remind_every", from_hold},
}};

}  // namespace

std::span<const PhaseRow> phase_table() noexcept { return rows; }

bool may_follow(Phase from, Phase to) noexcept {
  const auto& next = rows[static_cast<std::size_t>(from)].next;
  return std::ranges::find(next, to) != next.end();
}

}  // namespace understudy::failover
