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

struct OutboxRow {
  std::uint64_t id = 0;
  NotifierId notifier;
  Alert alert;
  WallTime not_before{};
  int attempt = 0;
  bool handed_over = false, sent = false, sending = false;
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
