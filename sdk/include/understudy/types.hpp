// SPDX-License-Identifier: Apache-2.0
// The requests and replies of the five interfaces, as typed values with their JSON. The tables of fields are in
// docs/plugins/methods.md. Missing optional fields take the defaults seen here; unknown fields are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "understudy/status.hpp"

namespace understudy::sdk {

/// What create() is told: which interface this instance serves and with what settings (checked and with defaults).
struct Envelope {
  std::string interface;  ///< "health", "target", "state", "notifier" or "secrets"
  std::string instance;   ///< unique in the process, for logs: "trader/home/health[0]"
  std::string service;    ///< empty for a notifier or a secret source
  std::string target;     ///< empty for a notifier, a secret source or a state store
  Json settings = Json::object();

  [[nodiscard]] static Envelope from_json(const Json& in) {
    return {in.value("interface", ""), in.value("instance", ""), in.value("service", ""), in.value("target", ""),
            in.value("settings", Json::object())};
  }
};

// ---- HealthSource -----------------------------------------------------------------------------------------------

struct CheckRequest {
  Millis timeout{5000};
  [[nodiscard]] static CheckRequest from_json(const Json& in) { return {Millis(in.value("timeout_ms", 5000))}; }
};

/// `unknown` is not `fail`: the check could not tell (our own way out is down, 401/403/429 to the probe).
struct CheckResult {
  enum class Outcome { pass, degraded, fail, unknown };
  Outcome outcome = Outcome::unknown;
  std::string cause;            ///< why, in a few words; shown to people even when it passes
  bool verdict = true;          ///< false: this check has nothing to say (refused, timed out, 404); try the next
  bool local = false;           ///< true: the evidence did not cross a network
  std::int64_t latency_us = 0;  ///< of the check itself

  [[nodiscard]] Json to_json() const {
    static constexpr const char* names[] = {"pass", "degraded", "fail", "unknown"};
    return {{"outcome", names[static_cast<int>(outcome)]},
            {"cause", cause},
            {"verdict", verdict},
            {"local", local},
            {"latency_us", latency_us}};
  }
};

/// An answer without content.
struct Done {
  [[nodiscard]] Json to_json() const { return Json::object(); }
};

// ---- StandbyTarget ----------------------------------------------------------------------------------------------

struct ObserveRequest {
  std::string service, target;
  [[nodiscard]] static ObserveRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("target", "")};
  }
};

/// What the provider says now, not what we last asked for.
struct Observation {
  enum class State { stopped, starting, active, stopping, unknown };
  State state = State::unknown;
  std::optional<std::uint64_t> epoch;  ///< that the running workload was started with, when it can be told
  std::string detail;                  ///< for people
  /// Which agent answered, by the name that it renews its lease with: a container's replacement has another. Empty: one
  /// that does not say. None: no agent did.
  std::optional<std::string> instance = {};
  /// What the workload left there is not in the store. None: it cannot be told, or not yet, since its last save may
  /// still come.
  std::optional<bool> unsaved = {};

  [[nodiscard]] Json to_json() const {
    static constexpr const char* names[] = {"stopped", "starting", "active", "stopping", "unknown"};
    Json out = {{"state", names[static_cast<int>(state)]}, {"detail", detail}};
    if (epoch) out["epoch"] = *epoch;
    if (instance) out["instance"] = *instance;
    if (unsaved) out["unsaved"] = *unsaved;
    return out;
  }
};

struct ActivateRequest {
  std::string service, target;
  std::uint64_t epoch = 0;  ///< the fencing number; older than what runs: answer `conflict`
  std::string operation;    ///< the same text when the same activation is repeated
  std::string snapshot;     ///< id of the snapshot whose state was brought, or empty
  std::string reason;       ///< "failover", "switchover", "failback", "drill"
  [[nodiscard]] static ActivateRequest from_json(const Json& in) {
    return {in.value("service", ""),   in.value("target", ""),   in.value("epoch", std::uint64_t{0}),
            in.value("operation", ""), in.value("snapshot", ""), in.value("reason", "")};
  }
};

struct DeactivateRequest {
  std::string service, target;
  std::uint64_t epoch = 0;  ///< stop whatever runs with this epoch or an older one; newer: answer `conflict`
  std::string operation;
  Millis grace{10000};  ///< between asking the workload to end and killing it
  [[nodiscard]] static DeactivateRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("target", ""), in.value("epoch", std::uint64_t{0}),
            in.value("operation", ""), Millis(in.value("grace_ms", 10000))};
  }
};

/// `stopped` only when it was seen to be stopped; a request that was merely accepted is not that.
struct StopReport {
  bool stopped = false;
  std::string detail;
  /// Whose word it is, when an agent said it: only of itself does it know that it has stopped. Empty: one that does not
  /// say which it is. None: the provider's.
  std::optional<std::string> instance = {};
  std::optional<bool> unsaved = {};  ///< as in Observation
  [[nodiscard]] Json to_json() const {
    Json out = {{"stopped", stopped}, {"detail", detail}};
    if (instance) out["instance"] = *instance;
    if (unsaved) out["unsaved"] = *unsaved;
    return out;
  }
};

/// Prices in US dollars.
struct Quote {
  double standby_usd_per_hour = 0;  ///< while it waits
  double active_usd_per_hour = 0;   ///< while it runs the service
  double activation_usd = 0;        ///< each time it is activated
  double transfer_usd_per_gb = 0;   ///< bringing state in, per 10^9 bytes
  std::int64_t min_billing_s = 0;   ///< the shortest run that is billed
  std::string source;               ///< where the figures come from
  std::string as_of;                ///< date of the figures, YYYY-MM-DD; may be empty

  [[nodiscard]] Json to_json() const {
    return {{"standby_usd_per_hour", standby_usd_per_hour},
            {"active_usd_per_hour", active_usd_per_hour},
            {"activation_usd", activation_usd},
            {"transfer_usd_per_gb", transfer_usd_per_gb},
            {"min_billing_s", min_billing_s},
            {"source", source},
            {"as_of", as_of}};
  }
};

struct LogsRequest {
  int lines = 100;
  [[nodiscard]] static LogsRequest from_json(const Json& in) { return {in.value("lines", 100)}; }
};
struct LogLines {
  std::vector<std::string> lines;
  [[nodiscard]] Json to_json() const { return {{"lines", lines}}; }
};

/// Back to the version of the workload before the present one. The same operation again changes nothing more.
struct RollbackRequest {
  std::string service, target;
  std::uint64_t epoch = 0;  ///< what was started with a newer one is not touched: `conflict`
  std::string operation;
  [[nodiscard]] static RollbackRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("target", ""), in.value("epoch", std::uint64_t{0}),
            in.value("operation", "")};
  }
};
struct RollbackReport {
  std::string from, to;  ///< images, revisions: as the provider names versions
  std::string detail;
  [[nodiscard]] Json to_json() const { return {{"from", from}, {"to", to}, {"detail", detail}}; }
};

/// Run a copy of the workload beside the service, to see whether it starts. It is nobody's site: no epoch, no lease, no
/// traffic, no state but what the folders named here hold.
struct DrillRequest {
  struct Folder {
    std::string from, to;  ///< where the target keeps a part of the state -> where this copy must keep it
  };
  std::string service, target;
  std::string drill;            ///< names the copy; the same text when the same is repeated
  std::string snapshot;         ///< id of the snapshot that the folders hold, or empty
  std::vector<Folder> folders;  ///< empty: the target keeps no state at the orchestrator's
  [[nodiscard]] static DrillRequest from_json(const Json& in) {
    DrillRequest out{
        in.value("service", ""), in.value("target", ""), in.value("drill", ""), in.value("snapshot", ""), {}};
    for (const auto& f : in.value("folders", Json::array()))
      out.folders.push_back({f.value("from", ""), f.value("to", "")});
    return out;
  }
};
/// What the copy does now.
struct DrillReport {
  Observation::State state = Observation::State::unknown;
  bool same_address = false;  ///< it answers where the target would: the target's health checks see it
  std::string detail;
  [[nodiscard]] Json to_json() const {
    Json out = Observation{state, {}, detail}.to_json();
    out["same_address"] = same_address;
    return out;
  }
};
struct EndDrillRequest {
  std::string service, target, drill;
  Millis grace{10000};  ///< between asking the workload to end and killing it
  [[nodiscard]] static EndDrillRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("target", ""), in.value("drill", ""),
            Millis(in.value("grace_ms", 10000))};
  }
};

/// Make the next activation faster, without running the service.
struct PrewarmRequest {
  std::string service, target, operation;
  [[nodiscard]] static PrewarmRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("target", ""), in.value("operation", "")};
  }
};
struct PrewarmReport {
  bool ready = false;  ///< false: nothing is lost, the activation is a cold one
  std::string detail;
  [[nodiscard]] Json to_json() const { return {{"ready", ready}, {"detail", detail}}; }
};

/// What would go wrong when the target is needed. Changes nothing.
struct DiagnoseRequest {
  std::string service, target;
  [[nodiscard]] static DiagnoseRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("target", "")};
  }
};
struct DiagnoseReport {
  struct Problem {
    std::string severity;  ///< "error": it cannot work; "warning": it may go wrong
    std::string message, hint;
  };
  std::vector<Problem> problems;  ///< empty: none was found
  [[nodiscard]] Json to_json() const {
    Json out = Json::array();
    for (const auto& p : problems) out.push_back({{"severity", p.severity}, {"message", p.message}, {"hint", p.hint}});
    return {{"problems", std::move(out)}};
  }
};

// ---- StateStore -------------------------------------------------------------------------------------------------

/// A folder or file of the service's state, by the name that it has inside a snapshot.
struct StatePath {
  std::string name;
  std::string path;
};

struct Snapshot {
  std::string id;  ///< sorts by time: "20261120T101500.123Z-e7"
  std::uint64_t epoch = 0;
  std::int64_t created_ms = 0;  ///< wall clock, milliseconds since 1970
  std::int64_t bytes = 0;
  std::int64_t files = 0;
  bool valid = true;    ///< as far as listing can tell cheaply
  std::string problem;  ///< why it is not valid

  [[nodiscard]] Json to_json() const {
    return {{"id", id},       {"epoch", epoch}, {"created_ms", created_ms}, {"bytes", bytes},
            {"files", files}, {"valid", valid}, {"problem", problem}};
  }
};

struct PushRequest {
  std::string service, id;
  std::uint64_t epoch = 0;
  std::vector<StatePath> paths;
  [[nodiscard]] static PushRequest from_json(const Json& in) {
    PushRequest out{in.value("service", ""), in.value("id", ""), in.value("epoch", std::uint64_t{0}), {}};
    for (const auto& p : in.value("paths", Json::array())) out.paths.push_back({p.at("name"), p.at("path")});
    return out;
  }
};

/// `staging` is an empty folder: each state path appears in it under its name. Nothing unverified is left there.
struct PullRequest {
  std::string service, id, staging;
  [[nodiscard]] static PullRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("id", ""), in.value("staging", "")};
  }
};

struct VerifyRequest {
  std::string service, id;
  [[nodiscard]] static VerifyRequest from_json(const Json& in) { return {in.value("service", ""), in.value("id", "")}; }
};

struct ListRequest {
  std::string service;
  [[nodiscard]] static ListRequest from_json(const Json& in) { return {in.value("service", "")}; }
};
struct SnapshotList {
  std::vector<Snapshot> snapshots;  ///< newest first, damaged ones too (valid = false)
  [[nodiscard]] Json to_json() const {
    Json out = Json::array();
    for (const auto& s : snapshots) out.push_back(s.to_json());
    return {{"snapshots", std::move(out)}};
  }
};

/// Keeps everything younger than keep_days, the newest keep_at_least valid ones whatever their age, and what is
/// damaged: that is for a person to look at. keep_at_least = 0 keeps nothing at all of this service; Understudy asks
/// for that only when the conformance kit sweeps up after itself.
struct PruneRequest {
  std::string service;
  int keep_days = 30;
  int keep_at_least = 10;
  bool dry_run = false;
  [[nodiscard]] static PruneRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("keep_days", 30), in.value("keep_at_least", 10),
            in.value("dry_run", false)};
  }
};
struct PruneReport {
  std::vector<std::string> removed;
  std::int64_t kept = 0;
  [[nodiscard]] Json to_json() const { return {{"removed", removed}, {"kept", kept}}; }
};

/// From the success on the store takes nothing of an epoch below this one: no push, no change of what is newest.
struct FenceRequest {
  std::string service;
  std::uint64_t epoch = 0;
  [[nodiscard]] static FenceRequest from_json(const Json& in) {
    return {in.value("service", ""), in.value("epoch", std::uint64_t{0})};
  }
};
struct FenceReport {
  std::uint64_t epoch = 0;  ///< as asked
  [[nodiscard]] Json to_json() const { return {{"epoch", epoch}}; }
};

// ---- Notifier ---------------------------------------------------------------------------------------------------

struct Alert {
  std::string id;        ///< of the delivery: the same when it is sent again
  std::string kind;      ///< "failover.started", ...
  std::string severity;  ///< "info", "warning", "critical"
  std::string state;     ///< "firing", "resolved" or "event"
  std::string service, target;
  std::string title, text;
  std::int64_t at_ms = 0;
  bool possible_duplicate = false;  ///< a crash may have hidden that it was sent before
  Json facts = Json::object();
  std::string incident;          ///< alerts of one incident share it; may be empty
  Json thread = Json::object();  ///< Receipt::thread of the incident's last delivery by this notifier, or {}

  [[nodiscard]] static Alert from_json(const Json& in) {
    return {in.value("id", ""),
            in.value("kind", ""),
            in.value("severity", "info"),
            in.value("state", "event"),
            in.value("service", ""),
            in.value("target", ""),
            in.value("title", ""),
            in.value("text", ""),
            in.value("at_ms", std::int64_t{0}),
            in.value("possible_duplicate", false),
            in.value("facts", Json::object()),
            in.value("incident", ""),
            in.value("thread", Json::object())};
  }
};
struct Receipt {
  std::string id;                ///< the provider's message id, for a later update; may be empty
  Json thread = Json::object();  ///< kept by the core and given back with the incident's next alert; at most 16 KiB
  [[nodiscard]] Json to_json() const { return {{"receipt", id}, {"thread", thread}}; }
};

// ---- SecretSource -----------------------------------------------------------------------------------------------

struct SecretRequest {
  std::string name;  ///< as the source names it: "projects/P/secrets/S/versions/latest"
  [[nodiscard]] static SecretRequest from_json(const Json& in) { return {in.value("name", "")}; }
};
struct SecretValue {
  std::string value;  ///< text; without line ends at its end, as a secret from a file
  [[nodiscard]] Json to_json() const { return {{"value", value}}; }
};

}  // namespace understudy::sdk
