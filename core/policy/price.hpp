// What a target costs: what its plugin quotes, with what the file says instead. Pure.
#pragma once

#include "core/config/config.hpp"
#include "core/model/cost.hpp"

namespace understudy::policy {

[[nodiscard]] Price with_overrides(Price quoted, const config::PriceOverride& file);

}  // namespace understudy::policy
