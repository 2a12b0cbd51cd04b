// The snapshots of one service, as a store keeps them: refuses what an older epoch brings, and keeps it aside.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model/snapshot.hpp"
#include "tests/sim/mutations.hpp"

namespace understudy::sim {

struct Store {
  struct Kept {
    SnapshotInfo info;
    TargetId from;
    bool aside = false;  ///< brought by an older epoch after a newer one had begun
  };
  Mutation mutation = Mutation::none;
  bool down = false;
  std::vector<Kept> kept;
  std::vector<SnapshotId> acknowledged;
  Epoch newest_epoch;
  int pushes = 0;

  /// None: refused.
  std::optional<SnapshotInfo> push(const TargetId& from, Epoch epoch, WallTime at) {
    SnapshotInfo info{SnapshotId("s" + std::to_string(++pushes) + "-e" + std::to_string(epoch.value)),
                      epoch,
                      at,
                      1000,
                      3,
                      true,
                      ""};
    const bool old = epoch < newest_epoch && mutation != Mutation::store_takes_old;
    if (!old) newest_epoch = epoch;
    if (mutation != Mutation::snapshot_not_stored || pushes % 3 != 0) kept.push_back({info, from, old});
    if (old) return std::nullopt;
    acknowledged.push_back(info.id);
    return info;
  }
  /// The newest that verifies: by epoch first, then by time of arrival. `wanted`: this one. Ok with an empty id: none.
  [[nodiscard]] std::optional<SnapshotInfo> find(const SnapshotId& wanted) const {
    const Kept *newest = nullptr, *before = nullptr;
    for (const auto& k : kept) {
      if (k.aside || !k.info.valid || (!wanted.empty() && k.info.id != wanted)) continue;
      if (newest != nullptr && k.info.epoch < newest->info.epoch) continue;
      before = newest;
      newest = &k;
    }
    if (mutation == Mutation::older_snapshot && wanted.empty() && before != nullptr) newest = before;
    if (newest == nullptr) return wanted.empty() ? std::optional(SnapshotInfo{}) : std::nullopt;
    return newest->info;
  }
  [[nodiscard]] const Kept* of(const SnapshotId& id) const {
    for (const auto& k : kept) {
      if (k.info.id == id) return &k;
    }
    return nullptr;
  }
};

}  // namespace understudy::sim
