// What a HealthSource answers. Pure.
#pragma once

#include "core/model/health.hpp"
#include "understudy/status.hpp"

namespace understudy::answers {

/// Of health.check/1; a word that is no outcome counts as unknown. Throws Json::exception for wrong types.
[[nodiscard]] CheckReport check(const sdk::Json& answer);

}  // namespace understudy::answers
