// What can happen to a service: the inputs of the machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/failover/state.hpp"
#include "core/lease/renewal.hpp"
#include "core/model/snapshot.hpp"
#include "understudy/status.hpp"

namespace understudy::failover {

/// The orchestrator has started; `fresh` when the journal knew nothing of the service.
struct Started {
  bool fresh = false;
};

/// Detection has news of a target.
struct HealthSeen {
  TargetId target;
  Verdict verdict = Verdict::unknown;
  bool failing = false;  ///< fails, but not yet `fall` times
  std::string cause;
  std::optional<Time> passed{};  ///< when the last round of its checks that passed was asked
};

/// A provider said what a target does now.
struct Observed {
  TargetId target;
  SiteState state = SiteState::unknown;
  std::optional<Epoch> epoch;
  bool reachable = true;  ///< the control plane answered
  bool ready = true;      ///< the target's `ready` checks, if it has any, are not down
  std::string detail;
  std::optional<bool> unsaved{};  ///< work of a former run lies there that no store has taken; none: not known now
  std::optional<Time> passed{};   ///< as in HealthSeen, which comes only with news
};

struct PlanMade {
  std::vector<TargetId> ranked;
  bool common_mode = false;  ///< everything fails at once: this looks like our own trouble
  std::string summary;       ///< why the first is first
  std::string why_empty;
};

struct Fenced {
  std::string operation;
  TargetId target;
  bool stopped = false;
  std::string detail;
  bool impossible = false;  ///< its provider offers no way to stop it
  /// Of the agent that confirmed it. None: the word of a provider. Empty: an agent that does not tell.
  std::optional<std::string> instance{};
  bool unsaved = false;  ///< stopped, and what it did last is not saved
};

struct Saved {
  std::string operation;
  bool ok = false;
  SnapshotInfo snapshot;
  std::string detail;
};

/// The newest snapshot that verifies is at the target (or named to it). `ok` with an empty id: there is none at all.
struct Prepared {
  std::string operation;
  bool ok = false;
  SnapshotInfo snapshot;
  std::string detail;
};

struct Activated {
  std::string operation;
  TargetId target;
  sdk::Status status = sdk::Status::unknown;
  std::string detail;
};

struct TimerFired {
  TimerKind kind = TimerKind::phase;
  std::uint64_t generation = 0;
};

struct Command {
  enum class What { promote, failback, pause, resume };
  What what = What::promote;
  std::uint64_t id = 0;  ///< for the answer
  TargetId target;
  bool force = false, accept_loss = false;
  std::optional<std::uint64_t> expect_index;
  Millis pause_for{3'600'000};
  std::string who, reason;
};

/// A guard wants to renew its lease. Answered by LeaseAnswer with the same id.
struct LeaseAsked {
  std::uint64_t id = 0;
  lease::Renewal renewal;
};

/// What the store has, asked at each start: a journal that was lost or put back must not give out an epoch again.
struct StoreSeen {
  Epoch epoch;  ///< the newest of its snapshots
};

using Event = std::variant<Started, StoreSeen, HealthSeen, Observed, PlanMade, Fenced, Saved, Prepared, Activated,
                           TimerFired, Command, LeaseAsked>;

}  // namespace understudy::failover
