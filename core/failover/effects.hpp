// What the machine wants done, and what must be on disk before. All records of a step are committed in one transaction;
// only then are its effects performed, in order. An effect that changes the world names its intent, which is among
// the records of the same step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/failover/state.hpp"
#include "core/lease/renewal.hpp"
#include "core/model/alert.hpp"
#include "understudy/status.hpp"

namespace understudy::failover {

// ---- records ----------------------------------------------------------------------------------------------------

/// An effect is about to be tried.
struct Intent {
  std::string operation, kind;  ///< kind: "fence", "save", "prepare", "activate"
  TargetId target;
  Epoch epoch;
};
struct Outcome {
  std::string operation, status, detail;
};
struct Granted {
  Epoch epoch;
  TargetId target;
  std::string who, why;
};
/// A line of the history.
struct Note {
  std::string kind;
  Severity severity = Severity::info;
  TargetId target;
  std::string text;
};
struct ActivationTimed {
  TargetId target;
  Epoch epoch;
  MoveKind kind = MoveKind::failover;
  WallTime started{};
  Millis took{0};
  bool succeeded = false;
  std::string failure;
};
/// Of a target, not of the service: from its failure until it could run the service again.
struct OutageEnded {
  TargetId target;
  WallTime started{}, ended{};
};
using Record = std::variant<Intent, Outcome, Granted, Note, ActivationTimed, OutageEnded>;

// ---- effects ----------------------------------------------------------------------------------------------------

struct MakePlan {
  TargetId failed;                ///< who must not be chosen again; empty: nobody
  std::vector<TargetId> exclude;  ///< tried in this move
  bool desperate = false;         ///< nobody runs and all else failed: open breakers and `failed` itself are allowed
};
struct Fence {
  std::string operation;
  TargetId target;
  Epoch epoch;
};
struct Save {
  std::string operation;
  TargetId target;
  Epoch epoch;
};
struct Prepare {
  std::string operation;
  TargetId target;
  SnapshotId snapshot;  ///< this one; empty: the newest that verifies
  /// The former holder has ended: from here on the store refuses what is older than this epoch.
  std::optional<Epoch> seal{};
  SnapshotId have{};  ///< brought already: when it is what would be chosen, nothing is brought again
};
struct Activate {
  std::string operation;
  TargetId target;
  Epoch epoch;
  SnapshotId snapshot;
  MoveKind kind = MoveKind::failover;
};
struct Observe {
  TargetId target;
};
/// How detection should treat a target from here on.
struct Watch {
  enum class Mode { serving, verifying, idle };
  TargetId target;
  Mode mode = Mode::serving;
  bool grace = false;  ///< what runs there may just be starting again
};
struct Arm {
  TimerKind kind = TimerKind::phase;
  std::uint64_t generation = 0;
  Millis after{0};
};
struct Tell {
  Alert alert;
};
/// The answer to a Command.
struct Answer {
  std::uint64_t command = 0;
  sdk::Status status = sdk::Status::ok;
  std::string kind, message, hint;
  std::uint64_t move = 0;
};
/// The answer to a LeaseAsked.
struct LeaseAnswer {
  std::uint64_t id = 0;
  lease::Judgement judgement;
  Millis ttl{0};  ///< of what is granted, from the time at which the renewal was sent
};
using Effect = std::variant<MakePlan, Fence, Save, Prepare, Activate, Observe, Watch, Arm, Tell, Answer, LeaseAnswer>;

}  // namespace understudy::failover
