// What the object `latest` says: the newest snapshot, and which epochs may still save. It is changed only by
// compare-and-swap on its generation, so whoever moves it has seen every fence that was set before. Pure.
//
//   {"id": "...-e5", "epoch": 6, "id_epoch": 5, "fences": [{"epoch": 6, "newest": {"id": "...-e5", "epoch": 5}}]}
//
// `epoch` is the lowest that may still save: versions that know no fences look at nothing else. The epoch of the newest
// is `id_epoch` where it is another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "understudy/types.hpp"

namespace gcp {

/// Epoch and id: the order of snapshots without the clocks of their sites.
using Place = std::pair<std::uint64_t, std::string>;

class Latest {
 public:
  struct Fence {
    std::uint64_t epoch = 0;
    Place newest;  ///< of the epochs below it, when it was set; its id is empty when there was nothing
  };

  std::int64_t generation = 0;  ///< of the object that this was read from; 0: there is none
  Place newest;                 ///< its id is empty when a fence was set before anything was saved

  /// No epoch below this one may save any more.
  [[nodiscard]] std::uint64_t lowest() const;
  [[nodiscard]] bool fenced(std::uint64_t epoch) const;
  /// A fence above this epoch says what of it counts.
  [[nodiscard]] bool decides(std::uint64_t epoch) const { return !fences_.empty() && fences_.back().epoch > epoch; }
  /// It became a snapshot after a newer epoch had been promised that it would not.
  [[nodiscard]] bool late(const understudy::sdk::Snapshot& snapshot) const;
  /// Of the fences the highest 16 are kept.
  void fence(std::uint64_t epoch, Place newest_below);

  /// The bytes that are stored.
  [[nodiscard]] std::string text() const;
  /// Without a generation; nothing when it is damaged.
  [[nodiscard]] static std::optional<Latest> from(const std::string& text);

 private:
  std::vector<Fence> fences_;  ///< by epoch
};

}  // namespace gcp
