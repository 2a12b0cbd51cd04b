// The snapshots of one service, as a store keeps them: refuses what an older epoch brings, and keeps it aside.
#pragma once

#include <map>
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
    Time content;        ///< true time until which its workload can have written what is in it
    bool aside = false;  ///< brought by an older epoch after a newer one had begun
  };
  Mutation mutation = Mutation::none;
  bool down = false;
  std::vector<Kept> kept;
  std::vector<SnapshotId> acknowledged;
  Epoch newest_epoch;
  int pushes = 0;
  std::map<std::uint64_t, std::optional<SnapshotInfo>> answers;  ///< by request

  /// None: refused. A request that comes twice (`request` is its name) makes one snapshot.
  std::optional<SnapshotInfo> push(std::uint64_t request, const TargetId& from, Epoch epoch, WallTime at,
                                   Time content) {
    if (const auto it = answers.find(request); it != answers.end()) return it->second;
    return answers[request] = take(from, epoch, at, content);
  }
  std::optional<SnapshotInfo> take(const TargetId& from, Epoch epoch, WallTime at, Time content) {
    SnapshotInfo info{
        SnapshotId("s" + std::to_string(++pushes) + "-e" + std::to_string(epoch.value)), epoch, at, 1000, 3, true, ""};
    const bool old = epoch < newest_epoch && mutation != Mutation::store_takes_old;
    if (!old) newest_epoch = epoch;
    if (mutation != Mutation::snapshot_not_stored || pushes % 3 != 0) kept.push_back({info, from, content, old});
    if (old) return std::nullopt;
    acknowledged.push_back(info.id);
    return info;
  }
  /// From here on older epochs are refused. False: a newer one is known.
  bool seal(Epoch epoch) {
    if (epoch < newest_epoch) return false;
    if (mutation != Mutation::store_not_sealed) newest_epoch = epoch;
    return true;
  }
  /// By epoch first, then by the time at which it was made.
  static bool older(const SnapshotInfo& a, const SnapshotInfo& b) {
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.created < b.created;
  }
  /// The newest that verifies. `wanted`: this one. Ok with an empty id: none.
  [[nodiscard]] std::optional<SnapshotInfo> find(const SnapshotId& wanted) const {
    const Kept *newest = nullptr, *before = nullptr;
    for (const auto& k : kept) {
      if (k.aside || !k.info.valid || (!wanted.empty() && k.info.id != wanted)) continue;
      if (newest != nullptr && older(k.info, newest->info)) continue;
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
