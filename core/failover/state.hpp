// One service's state: a value. The machine (machine.hpp) is its single writer; the journal stores it, the API shows
// it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/lease/renewal.hpp"
#include "core/model/alert.hpp"
#include "core/model/health.hpp"
#include "core/model/ids.hpp"
#include "core/model/time.hpp"

namespace understudy::failover {

/// Where a service is. table.hpp says what may follow what, and what ends each phase that waits.
enum class Phase {
  starting,  ///< after a start of the orchestrator: finding out what runs where
  active,    ///< one target serves
  suspect,   ///< it failed a probe; not yet down
  plan,      ///< it is down: choosing where to go
  revoke,    ///< its epoch is ended, on paper
  fence,     ///< making certain that it is stopped; the state is brought to the next target beside it
  failback,  ///< a planned move: freeze the active target, save its last state, bring that to the next target
  gate,      ///< last look before the point of no return: state fresh enough, not paused
  grant,     ///< the next epoch is written
  activate,  ///< the next target is being started with it
  verify,    ///< started; its health must say so too
  paused,    ///< a person said: watch, do not act
  hold,      ///< a person must decide
};
inline constexpr int phase_count = 13;

[[nodiscard]] std::string_view to_string(Phase phase) noexcept;
[[nodiscard]] std::optional<Phase> phase_from(std::string_view text) noexcept;

/// Both clocks, read once for a step.
struct Now {
  Time mono{};
  WallTime wall{};
  Millis utc_offset{0};  ///< of local time, for what the file says in local time
};

/// When something began: stored and shown by the wall clock. How long it has lasted is counted by the monotonic one
/// while the process that saw it lives, so that setting the clock changes no duration; after a restart by the wall
/// clock, which may have been set back meanwhile.
struct Since {
  WallTime wall{};
  std::optional<Time> mono{};  ///< not stored

  Since() = default;
  explicit Since(const Now& now) : wall(now.wall), mono(now.mono) {}
  explicit Since(WallTime stored) : wall(stored) {}
  /// Never negative.
  [[nodiscard]] Millis until(const Now& now) const {
    const auto lasted = mono ? std::chrono::duration_cast<Millis>(now.mono - *mono) : now.wall - wall;
    return std::max(lasted, Millis(0));
  }
};

/// How far a part of a move is.
enum class Part { none, todo, running, done, failed };

enum class MoveKind { start, failover, switchover, failback, rollback };
[[nodiscard]] std::string_view to_string(MoveKind kind) noexcept;

/// A change of the active target under way.
struct Move {
  std::uint64_t id = 0;  ///< the state's index when it began
  MoveKind kind = MoveKind::failover;
  TargetId origin;           ///< who ran the service when it began; empty: nobody
  TargetId from;             ///< who must be stopped now: the origin, or a candidate that failed half-way
  TargetId to;               ///< who is to run it; empty until the plan is made
  std::string reason;        ///< for people: why
  std::string who;           ///< who asked; empty: we decided
  bool chosen = false;       ///< a person named `to`
  bool forced = false;       ///< go on without a confirmed stop
  bool accept_loss = false;  ///< an old snapshot, or none, will do
  int attempt = 0;           ///< candidates tried
  std::vector<TargetId> tried;
  Part fence = Part::none, save = Part::none, prepare = Part::none;
  std::string fence_operation, save_operation, prepare_operation;  ///< the ones under way: older answers do not count
  SnapshotId saved;                                                ///< what the save made
  SnapshotId snapshot;                                             ///< what `to` starts from
  TargetId brought_to;                                             ///< where `snapshot` is in place, untouched
  bool sealing = false, sealed = false;  ///< the prepare under way asks the store to refuse older epochs; it does
  int prepare_failures = 0;              ///< since the former holder has ended
  WallTime snapshot_created{};
  std::string operation;       ///< of the activation
  bool start_unknown = false;  ///< a try at it ended without anybody knowing how: it may run, whatever comes later
  Since started;
  Since activated;                 ///< the activation of `to` was asked
  bool voluntary = false;          ///< the origin served when it began
  std::optional<Time> lease_over;  ///< when the lease of `from` has run out for certain; not stored: after a crash the
                                   ///< wait starts again
};

/// Why nothing moves, and what a person can do.
struct Blocked {
  std::string by;  ///< stable word: "fence", "no_standby", "state_too_old", ...
  std::string text;
  std::string unblock;  ///< the command
  WallTime since{};
  Severity severity = Severity::critical;  ///< of its reminders; not stored: after a start it is told anew
};

struct Pause {
  WallTime until{};
  std::string who, reason;
};

struct Failed {
  Since since;
  std::optional<Since> well;  ///< seen at rest and ready from then on
};

struct LastMove {
  std::uint64_t id = 0;
  MoveKind kind = MoveKind::failover;
  TargetId from, to;
  std::string result;  ///< "done", "failed", "cancelled"
  Millis took{0};
  WallTime ended{};
};

struct Breaker {
  int failures = 0;
  std::optional<Time> open_until;
};

struct Seen {
  Verdict verdict = Verdict::unknown;
  bool failing = false;  ///< the last probes failed, fewer than `fall`
  std::string cause;
};

/// What a provider says that a target does.
enum class SiteState { stopped, starting, active, stopping, unknown };

enum class TimerKind { phase, retry, failback, pause, remind, lease };
inline constexpr int timer_count = 6;

/// A guard that renews, as it last said of itself.
struct GuardSeen {
  Epoch epoch;
  Millis ttl{0};  ///< the longest that it was granted in this epoch
  Millis kill_time{0};
  bool holds_over = false;  ///< goes on when it cannot renew: waiting proves nothing of it
  std::string instance{};   ///< which agent; empty: it does not tell
  bool ended = false;       ///< its stop was confirmed; not stored: after a crash its lease is waited for
  bool operator==(const GuardSeen&) const = default;
};

struct State {
  Phase phase = Phase::starting;
  WallTime since{};
  std::uint64_t index = 0;  ///< +1 at every stored change: names this state for `promote --plan`
  TargetId active;          ///< holder of the last granted epoch
  bool running = false;     ///< as far as we know the holder serves, or may
  Epoch epoch;
  bool revoked = false;                  ///< no renewal of `epoch` is granted any more
  std::map<TargetId, GuardSeen> guards;  ///< by target, while its last verified run renewed
  TargetId data_at;                      ///< who last ran verified: its own copy of the state is the newest
  std::optional<Move> move;
  std::optional<LastMove> last_move;
  std::optional<Blocked> blocked;
  Phase hold_from = Phase::plan;  ///< where HOLD goes on when it is resumed
  std::optional<Pause> pause;
  std::vector<WallTime> failovers;         ///< the recent ones, for the limit
  int failback_failures = 0;               ///< in a row: each doubles the wait for the next try
  std::optional<WallTime> outage_since;    ///< of the service
  std::map<TargetId, Failed> failed;       ///< which targets failed while they ran it, and have not run it well since
  std::map<TargetId, WallTime> intruders;  ///< targets that run although they should not, and since when
  std::set<TargetId> unsaved;              ///< where work lies that no store has taken
  std::set<TargetId> ran;                  ///< seen running before one looked again, and not seen stopped since
  std::string incident;  ///< from the first trouble until the service is well at home; names it for people's channels

  // Not stored: learned anew after a restart, so that nothing left by a crash can block the next failover.
  std::map<TargetId, Breaker> breakers;
  std::map<TargetId, Time> renewed;  ///< when the guard of `guards` was last granted a renewal, or may have been
  bool graced = false;               ///< the holder was given the grace of a start, and has not been well since
  std::map<TargetId, Seen> seen;
  std::map<TargetId, SiteState> observed;
  Epoch lease_missed;                   ///< the last one of which people were told that nobody renews it
  std::map<TargetId, Millis> slow_end;  ///< which wait for a lease, longer than the file's, people were told of
  Epoch taken_in_place;                 ///< the last epoch that went to what ran already
  Epoch store_epoch;                    ///< the newest that a store is known to have; a grant is above it
  std::optional<Time> home_ok_since;
  int retries = 0;           ///< of the present step
  std::uint64_t random = 0;  ///< for jitter
  std::uint64_t timer_generation[timer_count] = {};
  std::uint64_t next_operation = 1;
};

/// Who may renew.
[[nodiscard]] lease::Register register_of(const State& state);

/// The stored part. state_from_json() refuses what it does not understand.
[[nodiscard]] nlohmann::json to_json(const State& state);
[[nodiscard]] std::optional<State> state_from_json(const nlohmann::json& in);

}  // namespace understudy::failover
