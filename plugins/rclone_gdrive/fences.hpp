// Which epochs may still save, read from nothing but the names of small files in REMOTE/SERVICE/fence. Pure.
//
//   6.json                              no epoch below 6 is taken; written first
//   6.5.20261120T101500.123Z-e5.json    and of those below it nothing counts that is newer than this (epoch 5, id ...)
//
// A file for each epoch, since a remote without compare-and-swap lets the last writer win: a fence can only be added
// to, and the highest counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "understudy/types.hpp"

namespace rclone_store {

class Fences {
 public:
  /// A name in the folder; what is none of ours is left out.
  void add(const std::string& name);

  [[nodiscard]] bool empty() const { return names_.empty(); }
  /// 0 when there is none.
  [[nodiscard]] std::uint64_t highest() const { return names_.empty() ? 0 : names_.rbegin()->first; }
  /// It is known what was the newest when this one was set.
  [[nodiscard]] bool complete(std::uint64_t epoch) const { return bounds_.contains(epoch); }
  /// A complete fence above this epoch says what of it counts.
  [[nodiscard]] bool decides(std::uint64_t epoch) const;
  /// It became a snapshot after a newer epoch had been promised that it would not.
  [[nodiscard]] bool late(const understudy::sdk::Snapshot& snapshot) const;
  /// Files of all but the `keep` highest.
  [[nodiscard]] std::vector<std::string> surplus(std::size_t keep) const;

  [[nodiscard]] static std::string name(std::uint64_t epoch);
  /// `newest_id` is empty when nothing below `epoch` was there.
  [[nodiscard]] static std::string bound_name(std::uint64_t epoch, std::uint64_t newest_epoch,
                                              const std::string& newest_id);

 private:
  using Place = std::pair<std::uint64_t, std::string>;  ///< epoch and id: the order of snapshots without their clocks
  std::map<std::uint64_t, std::set<std::string>> names_;
  std::map<std::uint64_t, Place> bounds_;  ///< the lowest, when two were written at once
};

}  // namespace rclone_store
