// What a supervisor is told, what it remembers of it, and what it makes of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model/snapshot.hpp"

namespace understudy::agent {

/// Start the workload here. From POST /activate, or from the environment of a container that is itself the activation.
struct ActivateOrder {
  std::optional<Epoch> epoch;  ///< required, unless `force`
  std::string operation;       ///< the same text when the same is repeated
  std::optional<SnapshotId>
      snapshot;        ///< empty: start with what is here when the store has none; absent: there must be one
  std::string store;   ///< where the snapshots are; empty: as the file says
  bool force = false;  ///< a person takes the responsibility: no epoch, no snapshot, an old epoch
  bool boot = false;   ///< of the environment
};

struct DeactivateOrder {
  std::optional<Epoch> epoch;  ///< absent: a person, whatever runs
  std::string operation;
  std::optional<Millis> grace;  ///< TERM → KILL
  bool push = true;             ///< save what the workload left
};

/// What a workload left, or is at work on: the store does not have it.
struct Unsaved {
  Epoch epoch;           ///< of the run: it is saved under no other
  bool refused = false;  ///< the store holds a newer epoch, which is final: it is not sent again
  std::string why;       ///< in the store's words, when it was refused; they say so when it was kept aside

  bool operator==(const Unsaved&) const = default;
};

/// What survives the supervisor's own end.
struct Ledger {
  enum class Phase { none, active, failed, ended };
  Epoch epoch;  ///< the newest that was ever accepted
  Phase phase = Phase::none;
  std::string operation;
  std::optional<SnapshotId> snapshot;  ///< that the state here came from, or, until it is `restored`, is to come from;
                                       ///< as in the order
  bool restored = false;               ///< the state here belongs to `epoch`: starting again needs no snapshot
  std::string store;                   ///< where the snapshots are, as the activation named it; empty: as the file says
  std::optional<Unsaved> unsaved;      ///< from before the workload starts until its last state is saved
  WallTime at{};

  /// There is something to save, and the store has not refused it.
  [[nodiscard]] bool to_save() const noexcept { return unsaved && !unsaved->refused; }
};

struct Admission {
  enum class Verdict { accept, already, stale, invalid } verdict = Verdict::accept;
  Epoch epoch;      ///< of an accepted order
  std::string why;  ///< of a refused one
  std::string hint;
};

/// `running`: the workload runs, or is being started, with the ledger's epoch.
[[nodiscard]] Admission admit(const Ledger& ledger, const ActivateOrder& order, bool running);
[[nodiscard]] Admission admit(const Ledger& ledger, const DeactivateOrder& order);

struct Choice {
  bool ok = false;
  SnapshotId snapshot;  ///< empty with ok: nothing is fetched
  std::string why, hint;
};
/// Why an activation of `epoch` must not begin, as the store shows: a whole snapshot of a newer one.
[[nodiscard]] std::optional<std::string> ran_elsewhere(const std::vector<SnapshotInfo>& stored, Epoch epoch);

/// Which snapshot an accepted order starts from, of those that the store has. A store that holds a newer epoch shows
/// that another site has run the service since: refused.
[[nodiscard]] Choice choose(const std::vector<SnapshotInfo>& stored, const ActivateOrder& order, Epoch epoch);

}  // namespace understudy::agent
