// What the parts of the runtime share. Borrowed by all; lives as long as the orchestrator. On the loop.
#pragma once

#include <chrono>
#include <ctime>

#include <boost/asio/io_context.hpp>

#include "core/failover/state.hpp"
#include "core/host/clock.hpp"
#include "core/host/log.hpp"
#include "core/host/services.hpp"
#include "core/journal/journal.hpp"
#include "core/plugins/registry.hpp"

namespace understudy::runtime {

struct Wiring {
  boost::asio::io_context& loop;
  host::Logger& log;
  host::Services& services;
  plugins::Registry& registry;
  journal::Journal& journal;

  [[nodiscard]] plugins::Registry::Wiring for_plugins() const { return {loop, services, log}; }
};

[[nodiscard]] inline Time mono_now() {
  return Time(std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()));
}
using host::wall_now;
[[nodiscard]] inline std::tm local_tm(WallTime at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return local;
}
/// Of local time, at `at`.
[[nodiscard]] inline Millis utc_offset(WallTime at) { return std::chrono::seconds(local_tm(at).tm_gmtoff); }
[[nodiscard]] inline failover::Now now() {
  const auto wall = wall_now();
  return {mono_now(), wall, utc_offset(wall)};
}

}  // namespace understudy::runtime
