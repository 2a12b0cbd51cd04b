// What a StateStore answers. Pure; each throws Json::exception for wrong types.
#pragma once

#include <optional>
#include <vector>

#include "core/model/snapshot.hpp"
#include "understudy/status.hpp"

namespace understudy::answers {

/// Of store.push/1, and each of a list. One whose name, epoch or time cannot be is not valid, and says why: it is for
/// people to see, not to be used.
[[nodiscard]] SnapshotInfo snapshot(const sdk::Json& answer);
/// Of store.list/1, as the store orders them.
[[nodiscard]] std::vector<SnapshotInfo> snapshots(const sdk::Json& answer);
/// Of store.fence/1: nothing when it is an impossible number.
[[nodiscard]] std::optional<Epoch> fence(const sdk::Json& answer);

}  // namespace understudy::answers
