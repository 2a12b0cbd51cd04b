// The supervisor's HTTP face: /health, /healthz, /metrics, /activate, /deactivate. Knows nothing of sockets.
#pragma once

#include <string>

#include "core/agent/supervisor.hpp"
#include "core/web/message.hpp"

namespace understudy::agent {

/// `key`: who may do more than look, by X-API-Key or as a bearer token.
[[nodiscard]] web::Response handle(Supervisor& supervisor, const web::Request& request, const std::string& key);

}  // namespace understudy::agent
