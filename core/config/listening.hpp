// Internal to this room: are the places where the orchestrator is to listen such as it can listen at?
#pragma once

#include "core/config/reader.hpp"

namespace understudy::config {

/// `listen`, `lease_listen`, and the socket in the data_dir. Reports what `run` could not bind, whatever else is free.
void check_listening(Section& orchestrator, const Orchestrator& read);

}  // namespace understudy::config
