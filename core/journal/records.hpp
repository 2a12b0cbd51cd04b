// What the journal stores, beside the machine's own records: values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/failover/effects.hpp"
#include "core/model/cost.hpp"
#include "core/model/snapshot.hpp"

namespace understudy::journal {

/// The present state of a service; one row each.
struct StateRow {
  ServiceId service;
  nlohmann::json state;
};

/// A record of the state machine, with whose and when.
struct MachineRecord {
  ServiceId service;
  WallTime at{};
  failover::Record record;
};

struct SnapshotRow {
  ServiceId service;
  SnapshotInfo info;
};

struct SpendRow {
  ServiceId service;
  TargetId target;
  WallTime from{}, to{};
  Usd amount;
};

/// A drill's activation, of an isolated copy: readiness counts it as any other. Kept with kind "drill" and epoch 0.
struct DrillRow {
  ServiceId service;
  TargetId target;
  WallTime started{};
  Millis took{0};  ///< asked -> verified, or until it was given up
  bool succeeded = false;
  std::string failure;
};

/// A delivery to make.
struct OutboxPut {
  std::string id;  ///< unique
  NotifierId notifier;
  nlohmann::json alert;
  WallTime not_before{};
};
enum class OutboxState { queued, sending, sent, dead };
struct OutboxUpdate {
  std::string id;
  OutboxState state = OutboxState::queued;
  int attempt = 0;
  WallTime not_before{};
  std::string detail;  ///< receipt, or the last error
};

/// What waits for its next try is due at `due`, if that is earlier. Without a notifier: for all of them.
struct OutboxHasten {
  NotifierId notifier;
  WallTime due{};
};

/// A small document that is replaced as a whole: an open alert, a silence, a notifier's thread of an incident.
struct DocumentPut {
  std::string space, key;
  nlohmann::json value;
  WallTime at{};
};
struct DocumentErase {
  std::string space, key;
};

using Entry = std::variant<StateRow, MachineRecord, SnapshotRow, SpendRow, DrillRow, OutboxPut, OutboxUpdate,
                           OutboxHasten, DocumentPut, DocumentErase>;
/// Committed together or not at all.
using Batch = std::vector<Entry>;

// ---- reading ------------------------------------------------------------------------------------------------------

struct HistoryRow {
  std::int64_t id = 0;
  ServiceId service;
  TargetId target;
  WallTime at{};
  std::string kind, severity, text;
  std::uint64_t epoch = 0;
};

struct OutboxRow {
  std::string id;
  NotifierId notifier;
  nlohmann::json alert;
  int attempt = 0;
  WallTime not_before{};
  bool possible_duplicate = false;
};

}  // namespace understudy::journal
