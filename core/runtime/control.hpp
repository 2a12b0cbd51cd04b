// What the API (and so the command line and the page) may ask of a running orchestrator. Implemented by the
// orchestrator, called by core/server. Everything on the core's loop; replies run on the loop, exactly once.
// The JSON that travels is docs/api.md: versioned, fields are added and never change their meaning.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/lease/renewal.hpp"
#include "core/model/ids.hpp"
#include "core/model/time.hpp"
#include "understudy/status.hpp"

namespace understudy::runtime {

/// Who asks, and why: goes into the journal.
struct Requester {
  std::string who;     ///< login name and host, as the client says
  std::string reason;  ///< --reason, may be empty
};

struct PromoteRequest {
  ServiceId service;
  TargetId target;           ///< empty: the best of the plan
  bool force = false;        ///< go on although the old site is not confirmed stopped, and past the guards
  bool accept_loss = false;  ///< consent to a snapshot older than max_age, or to none
  std::optional<std::uint64_t>
      expect_index;           ///< refuse (conflict, kind "stale_plan") unless the service's state index is this
  std::string expect_config;  ///< likewise for the config's hash; empty: any
  Requester by;
};

struct PauseRequest {
  ServiceId service;               ///< empty: all
  std::optional<Millis> for_time;  ///< the pause ends by itself; none: 1 h
  Requester by;
};

/// What a person asks of one target; its plugin may offer it or not.
struct TargetRequest {
  enum class What { rollback, prewarm, diagnose, logs };
  What what = What::diagnose;
  ServiceId service;
  TargetId target;
  int lines = 100;  ///< of logs
  Requester by;
};

struct DrillRequest {
  ServiceId service;
  TargetId target;          ///< empty: the standby that was proven the longest ago
  bool switchover = false;  ///< the service itself goes there and comes back
  Requester by;
};

struct AcknowledgeRequest {
  std::string incident;  ///< empty: every open alert of the service
  ServiceId service;     ///< empty: all
  Requester by;
};

struct SilenceRequest {
  std::string service, target, kind;  ///< empty: any; `kind` may end with *
  Millis for_time{3'600'000};
  Requester by;
};

struct AlertTest {
  std::string severity = "info", service, kind = "test";
};

struct HistoryQuery {
  ServiceId service;           ///< empty: all
  int limit = 100;             ///< newest first, 1..10000
  std::int64_t before_id = 0;  ///< 0: from the newest
};

class Control {
 public:
  using Reply = std::function<void(sdk::Result)>;

  Control() = default;
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  virtual ~Control() = default;

  [[nodiscard]] virtual sdk::Json status() const = 0;
  /// Rises with every change that status() would show.
  [[nodiscard]] virtual std::uint64_t revision() const = 0;
  /// Runs `fn` once revision() is past `seen`, or after `at_most`; the API's long poll and event stream.
  virtual void on_change(std::uint64_t seen, Millis at_most, std::function<void()> fn) = 0;

  virtual void plan(const ServiceId& service, Reply reply) = 0;
  /// These reply when the command is journaled and accepted (with {"move": id}) or refused: denied (safety guard),
  /// conflict (stale or busy), invalid (no such service or target). Waiting for the end is the caller's, by status().
  virtual void promote(const PromoteRequest& request, Reply reply) = 0;
  virtual void failback(const PromoteRequest& request, Reply reply) = 0;
  /// Replies with what the plugin answered, when it did. `unsupported`: it does not offer that; denied: mode is
  /// "observe" and it would change something; conflict: busy, or the plugin found a newer epoch.
  virtual void of_target(const TargetRequest& request, Reply reply) = 0;
  /// See ServiceRunner::renew_lease().
  virtual void renew_lease(const ServiceId& service, const lease::Renewal& renewal, Reply reply) = 0;
  /// What a guard of the service has to show. None: no such service, or its file names no key.
  [[nodiscard]] virtual std::optional<std::string> lease_key(const ServiceId& service) const = 0;
  /// Somebody who asked for a lease of the service showed another key. Told in the log, now and then.
  virtual void wrong_lease_key(const ServiceId& service) = 0;
  /// Replies when the drill is journaled and begun (with {"drill": id, "target": name}) or refused; status() shows how
  /// it goes, and what came of it.
  virtual void drill(const DrillRequest& request, Reply reply) = 0;
  virtual void pause(const PauseRequest& request, Reply reply) = 0;
  virtual void resume(const PauseRequest& request, Reply reply) = 0;
  /// {"open": [...], "silences": [...]}
  [[nodiscard]] virtual sdk::Json alerts() const = 0;
  /// Stops reminders and escalation of what is open; re-arms nothing. Replies with how many alerts that were.
  virtual void acknowledge(const AcknowledgeRequest& request, Reply reply) = 0;
  virtual void silence(const SilenceRequest& request, Reply reply) = 0;
  virtual void end_silence(const std::string& id, const Requester& by, Reply reply) = 0;
  /// Sends an alert that says it is a test where the routes lead it, at once; replies with how each delivery went.
  virtual void test_alert(const AlertTest& test, Reply reply) = 0;
  virtual void reload(const Requester& by, Reply reply) = 0;

  virtual void snapshot_list(const ServiceId& service, Reply reply) = 0;
  virtual void snapshot_push(const ServiceId& service, const Requester& by, Reply reply) = 0;
  virtual void snapshot_verify(const ServiceId& service, const SnapshotId& id, Reply reply) = 0;
  /// Restores into `folder`, which must not exist or be empty: never over live state.
  virtual void snapshot_restore(const ServiceId& service, const SnapshotId& id, const std::string& folder,
                                const Requester& by, Reply reply) = 0;

  virtual void history(const HistoryQuery& query, Reply reply) = 0;
  [[nodiscard]] virtual sdk::Json plugins() const = 0;
};

}  // namespace understudy::runtime
