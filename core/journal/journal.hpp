// The journal: one SQLite file (WAL, synchronous FULL) that says what was decided, what was tried and what came of it.
// One process at a time; the lock falls with the process. Not thread-safe: the core's loop owns it. Format:
// docs/formats/journal.md.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/journal/records.hpp"
#include "core/model/cost.hpp"

namespace understudy::journal {

struct Problem {
  std::string message, hint;
};

class Journal {
 public:
  struct Options {
    std::string owner;           ///< shown to whoever finds the lock taken
    std::int64_t max_bytes = 0;  ///< 0: no limit
  };

  /// Makes the folder (0700) and the file (0600) when they are missing; refuses when another process holds the journal,
  /// when the file is damaged, or when a newer Understudy wrote it.
  [[nodiscard]] static std::variant<std::unique_ptr<Journal>, Problem> open(const std::filesystem::path& data_dir,
                                                                            const Options& options);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Durable when it returns nothing. On a problem nothing of the batch is stored.
  [[nodiscard]] std::optional<Problem> commit(const Batch& batch);
  /// The last commit's problem, until one succeeds.
  [[nodiscard]] const std::optional<Problem>& problem() const noexcept;

  [[nodiscard]] std::variant<std::vector<StateRow>, Problem> services();
  [[nodiscard]] std::uint64_t last_epoch(const ServiceId& service);
  /// Operations that were begun and whose outcome is not known.
  [[nodiscard]] std::vector<failover::Intent> open_intents(const ServiceId& service);
  /// Newest first; empty service: all. `before_id` 0: from the newest.
  [[nodiscard]] std::vector<HistoryRow> history(const ServiceId& service, int limit, std::int64_t before_id);
  /// Newest first. Without the ways home that failed: home was not well yet, which says nothing of how its starts go.
  [[nodiscard]] std::vector<ActivationRecord> activations(const ServiceId& service, const TargetId& target, int limit);
  [[nodiscard]] std::vector<Millis> outages(const ServiceId& service, const TargetId& target, int limit);
  [[nodiscard]] std::optional<SnapshotInfo> newest_snapshot(const ServiceId& service);
  /// Those that are known, and which of them are whole.
  [[nodiscard]] std::map<SnapshotId, bool> snapshots_valid(const ServiceId& service);
  /// On all targets but `primary`, which would cost without us too.
  [[nodiscard]] Usd spent_since(const ServiceId& service, const TargetId& primary, WallTime since);

  /// Key → value of a space of documents.
  [[nodiscard]] std::map<std::string, nlohmann::json> documents(const std::string& space);
  [[nodiscard]] std::optional<nlohmann::json> document(const std::string& space, const std::string& key);

  /// Those that wait for the same notifier and belong to the same incident, oldest first, due or not.
  [[nodiscard]] std::vector<OutboxRow> outbox_group(const NotifierId& notifier, const std::string& incident);
  /// For each notifier the oldest delivery that is due of those with `tried` attempts or more, and the oldest of the
  /// others. Oldest first.
  [[nodiscard]] std::vector<OutboxRow> outbox_due(WallTime now, int tried);
  /// What was queued before `row` for the same notifier and incident, oldest first, the last hundred. None, when `row`
  /// has no incident.
  [[nodiscard]] std::vector<OutboxRow> outbox_before(const OutboxRow& row);
  [[nodiscard]] std::optional<OutboxState> outbox_state(const std::string& id);  ///< none: there is no such row
  [[nodiscard]] std::optional<WallTime> outbox_next();
  struct OutboxCounts {
    std::int64_t queued = 0, dead = 0;
  };
  [[nodiscard]] OutboxCounts outbox_counts();
  /// After a start: what was being sent when the process died is sent again, marked as a possible duplicate.
  [[nodiscard]] std::optional<Problem> outbox_recover();
  /// Forgets what is older than `before` of what grows: events, operations that have ended, snapshots (the store has
  /// them), spending, deliveries that have ended. A bounded number a call.
  [[nodiscard]] std::optional<Problem> prune(WallTime before);

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace understudy::journal
