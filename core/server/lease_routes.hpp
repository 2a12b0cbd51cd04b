// Internal: POST /v1/services/NAME/lease, where guards renew. Its key is the service's, not the API's token: an agent
// that holds it can renew, and nothing else.
#pragma once

#include <functional>

#include "core/server/routes.hpp"

namespace understudy::server {

[[nodiscard]] bool is_lease(const web::Request& request);
/// Answers once, now or later: 200 {"epoch", "ttl_ms"}; 409 with the code "revoked", "stale" or "stranger"; 503
/// "undecided"; 401, 404 and 501 when no lease is kept for who asks.
void handle_lease(runtime::Control& control, const web::Request& request, const std::function<void(Response)>& reply);

}  // namespace understudy::server
