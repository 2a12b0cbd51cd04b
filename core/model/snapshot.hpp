// A saved state, as the journal and the machine know it.
#pragma once

#include <cstdint>
#include <string>

#include "core/model/ids.hpp"
#include "core/model/time.hpp"

namespace understudy {

struct SnapshotInfo {
  SnapshotId id;
  Epoch epoch;
  WallTime created{};
  std::int64_t bytes = 0;
  std::int64_t files = 0;
  bool valid = true;
  std::string problem;  ///< why it is not valid
};

}  // namespace understudy
