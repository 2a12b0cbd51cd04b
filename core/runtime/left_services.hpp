// Services that have left the file while an agent ran them under a lease: it is not renewed any more, so the agent ends
// what runs. People may not expect that of a line that they took out, so they are told.
#pragma once

#include "core/config/config.hpp"

namespace understudy::journal {
class Journal;
}

namespace understudy::runtime {

class AlertDesk;

/// Once each time that a service leaves. On the loop.
void tell_left_services(journal::Journal& journal, const config::Config& config, AlertDesk& desk);

}  // namespace understudy::runtime
