// The watchdog: a second tiny process beside the agent, without threads, that ends the workload when the agent cannot.
// The agent tells it over a socket what is to be guarded; a socket that is closed means that the agent has ended.
#pragma once

#include <cstdint>

#include "core/host/child.hpp"

namespace understudy::agent {

/// What goes over the socket, in the host's own byte order: a tag and a number. A child that is about to become the
/// workload announces itself in the same form.
using WatchdogWord = host::Announcement;
enum class WatchdogTag : std::int64_t {
  group = 1,    ///< the process group of the workload; 0: nothing of it runs
  agent_dies,   ///< micros of the boot clock: then the workload is killed, and the agent with it; 0: no such time
  agent_lives,  ///< the same, but the agent has seen its deadline and starts nothing: it is left alone
};

/// Returns when the agent, process `agent`, has gone, with an exit code. Every word is answered by one byte.
[[nodiscard]] int watch_over_agent(int agent, int socket);

}  // namespace understudy::agent
