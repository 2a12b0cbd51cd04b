// What a Notifier answers. Pure.
#pragma once

#include <string>

#include "understudy/status.hpp"

namespace understudy::answers {

/// Of notify.send/1.
struct Delivered {
  std::string receipt;  ///< for the record; may be empty
  sdk::Json thread;     ///< an object that comes back with the incident's next alert; empty: none
};
/// Throws Json::exception for wrong types.
[[nodiscard]] Delivered delivered(const sdk::Json& answer);

}  // namespace understudy::answers
