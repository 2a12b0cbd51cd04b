// The host services over the real world: network, processes, clocks, secrets.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "core/host/log.hpp"
#include "core/host/services.hpp"

namespace understudy::host {

/// `loop` and `log` outlive the services. When they go, pending calls are answered.
[[nodiscard]] std::unique_ptr<Services> make_services(boost::asio::io_context& loop, Logger& log);

}  // namespace understudy::host
