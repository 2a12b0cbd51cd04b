// What a StateStore answers. Pure; each throws Json::exception for wrong types.
#pragma once

#include <optional>
#include <vector>

#include "core/model/snapshot.hpp"
#include "understudy/status.hpp"

namespace understudy::answers {

/// Of store.push/1, and each of a list. One whose name or epoch cannot be is not valid, and says why: it is for people
/// to see, not to be used. A time that cannot be is not known: 1970, so that it is the oldest of its epoch.
[[nodiscard]] SnapshotInfo snapshot(const sdk::Json& answer);
/// Of store.list/1, as the store orders them.
[[nodiscard]] std::vector<SnapshotInfo> snapshots(const sdk::Json& answer);
/// Of store.fence/1: nothing when it is an impossible number.
[[nodiscard]] std::optional<Epoch> fence(const sdk::Json& answer);

}  // namespace understudy::answers
