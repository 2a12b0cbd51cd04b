// The bodies of POST /activate and /deactivate, read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/agent/orders.hpp"

namespace understudy::agent {

/// Why a body is no order, for whoever sent it.
struct BadBody {
  std::string why;
};

/// A blank body is an order without anything; unknown fields are left alone.
[[nodiscard]] std::variant<ActivateOrder, BadBody> read_activate(std::string_view body);
[[nodiscard]] std::variant<DeactivateOrder, BadBody> read_deactivate(std::string_view body);

}  // namespace understudy::agent
