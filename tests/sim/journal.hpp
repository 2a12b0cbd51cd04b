// What survives a crash of the orchestrator. A write is one transaction: all of it, or nothing.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/alerts/board.hpp"
#include "core/failover/machine.hpp"
#include "core/model/cost.hpp"
#include "core/model/snapshot.hpp"

namespace understudy::sim {

/// What a notifier makes of an alert: not now, or not at all as things are (its token is no longer good).
enum class Taken { yes, no, never };

struct OutboxRow {
  std::uint64_t id = 0;
  NotifierId notifier;
  Alert alert;
  WallTime not_before{};
  int attempt = 0;
  std::optional<std::uint64_t> in_place_of;  ///< the row that another notifier did not take
  bool handed_over = false;                  ///< the others have such rows
  bool told_elsewhere = false;               ///< one of them has arrived
  bool sending = false;
};

struct Journal {
  struct OfService {
    std::optional<failover::State> state;
    std::vector<failover::State> older;  ///< the last few, for a mutation
    std::uint64_t last_epoch = 0;
    std::set<std::string> intents;
    std::map<TargetId, std::vector<ActivationRecord>> activations;
    std::optional<SnapshotInfo> newest;
  };
  std::vector<OfService> services;
  std::vector<OutboxRow> outbox;
  std::map<std::string, alerts::OpenAlert> open;
  std::uint64_t next_row = 1;
  bool full = false;  ///< the disk
  std::uint64_t writes = 0;
};

}  // namespace understudy::sim
