// The checked configuration: what orchestrator.toml says, as plain values with their defaults, ready to use. Whoever
// holds a Config need not check anything again. Made by load() in loader.hpp. Immutable once made.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config/rehearsal.hpp"
#include "core/lease/terms.hpp"
#include "core/model/alert.hpp"
#include "core/model/cost.hpp"
#include "core/model/ids.hpp"
#include "core/model/time.hpp"
#include "core/model/week.hpp"

namespace understudy::config {

/// Where a value stands, for messages long after parsing ("price from orchestrator.toml:41").
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;  ///< in characters (code points), from 1
};

/// Where a secret is to be read from; the value itself never enters a Config.
struct SecretRef {
  enum class Kind { env, file, credential, literal, fetched };
  Kind kind = Kind::env;
  std::string name;         ///< variable, path, or credential name; for `literal` the value itself (check warns)
  std::string source = {};  ///< of `fetched`: a key of secret_sources; `name` is as that source has it
};

/// One use of a plugin. `settings` are checked against the plugin's schema and normalised: defaults filled in,
/// durations as integer milliseconds, sizes as integer bytes, money as numbers (USD), percentages as fractions,
/// paths expanded and absolute, each secret as {"$secret": "<key of secrets>"}.
struct PluginUse {
  std::string plugin;
  nlohmann::json settings = nlohmann::json::object();
  std::map<std::string, SecretRef> secrets;
  std::string isolation;              ///< "" (the default for this plugin), "loop", "thread" or "process"
  std::vector<std::string> pass_env;  ///< variables of ours that an isolated process gets too
  std::vector<std::string> grants;    ///< "operator": may ask for what people may ask for
  Place place;
};

enum class Combine { chain, any, all, k_of_n };

struct Detect {
  Millis interval{15'000};
  Millis fast_interval{2'000};  ///< once a probe has failed, and while an activation is verified
  Millis timeout{5'000};        ///< of one check
  int fall = 3;                 ///< failures in a row → down
  int rise = 2;                 ///< passes in a row → up
  Combine combine = Combine::chain;
  int k = 1;                   ///< for k_of_n: this many must pass
  Millis start_grace{30'000};  ///< after an activation failures do not count this long
  double jitter = 0.1;         ///< of the interval, each way, 0..0.5
  Millis flap_window{600'000};
  int flap_max = 6;            ///< more changes than this in flap_window → flapping: rise counts four times
  bool degraded_is_up = true;  ///< a degraded target stays active
};

/// What the file declares of a target, until the journal has evidence.
struct Declared {
  Millis ready_in{60'000};  ///< activation → verified
  double success = 0.9;     ///< probability, 0..1
};

struct PriceOverride {
  std::optional<Usd> standby_per_hour, active_per_hour, activation, transfer_per_gb;
  std::optional<std::chrono::seconds> min_billing;
  Place place;
};

struct Target {
  TargetId id;
  PluginUse use;
  std::vector<PluginUse> health;        ///< in the order of the file; empty: the plugin's own observe() is the health
  std::vector<PluginUse> ready;         ///< could this place serve, while the service is not there? Optional
  std::vector<PluginUse> drill_health;  ///< of a drilled copy, where `health` does not see it
  std::vector<std::filesystem::path> paths;  ///< where this target keeps the state; as many as State::paths, or none:
                                             ///< then the provider fetches the snapshot that activate names by itself
  std::string region;
  std::string failure_domain;  ///< targets that share it are expected to fail together; empty: its own
  PriceOverride price;
  Declared declared;
  int order = 0;                 ///< for objective = "ordered": position in the file, or `order` given
  std::optional<Detect> detect;  ///< if this target overrides the service's
  Millis activate_timeout{300'000};
  Millis deactivate_timeout{60'000};
  Millis stop_grace{10'000};  ///< TERM → KILL
  RehearsedTarget rehearse;
  bool lease = false;  ///< an agent there renews the service's lease, and ends the workload when it cannot
  Place place;
};

/// What is done with a target that offers neither a confirmed stop nor a lease, when it must be stopped.
enum class Unfenceable { hold, promote };

enum class Objective { expected_cost, cheapest, fastest, ordered };

struct Budget {
  std::optional<Usd> per_month;  ///< spend on standbys of this service; over it, candidates that cost are left out
  std::optional<Usd> per_activation;
};

struct State {
  PluginUse store;
  std::vector<std::filesystem::path> paths;  ///< where the primary keeps the state
  Millis every{300'000};
  std::optional<Millis> max_age;  ///< older than this needs a person's consent; none: any age will do
  int keep_days = 30;
  int keep_at_least = 10;
  bool save_on_failover = true;  ///< try to save what the stopped target left, if it can be read
  Millis save_timeout{60'000};
  Place place;
};

struct Failback {
  enum class Policy { automatic, manual };
  Policy policy = Policy::automatic;
  Millis stable_for{600'000};
  std::vector<WeekSpan> freeze;  ///< local time: no automatic failback begins in these

  /// How long the service stays away after home is well; by hand it is for a person to know.
  [[nodiscard]] Millis dwell() const { return policy == Policy::automatic ? stable_for : Millis(0); }
};

/// Test promotions of the standbys. Without `every` a drill begins only when a person asks.
struct Drill {
  enum class Mode { isolated, switchover };
  Mode mode = Mode::isolated;  ///< of scheduled drills; isolated: a copy beside the service; switchover: there and back
  std::optional<Millis> every;    ///< of each standby
  std::vector<WeekSpan> window;   ///< local time: scheduled drills begin only in these; empty: at any time
  std::vector<TargetId> targets;  ///< of the schedule; empty: every standby that can
  std::optional<Millis> warn_after{
      Millis(90LL * 86'400'000)};  ///< not proven for so long: `status` says so; none: never
  Millis stay{10'000};             ///< a switchover drill stays there so long
};

struct Limits {
  int max_failovers = 5;  ///< per window; more → HOLD until a person resumes
  Millis window{3'600'000};
  int breaker_failures = 2;  ///< failed activations in a row that open a target's breaker
  Millis breaker_open{600'000};
  Millis retry_initial{1'000};  ///< of failed steps, doubling, jittered
  Millis retry_max{60'000};
  Millis fence_timeout{120'000};  ///< unconfirmed this long → HOLD (and goes on trying)
  Millis plan_timeout{10'000};
  Millis remind_every{1'800'000};  ///< a blocked service alerts again this often
};

struct Service {
  ServiceId id;
  TargetId primary;
  Usd downtime_cost_per_hour{1.0};
  Millis expected_outage{3'600'000};  ///< until history tells
  Objective objective = Objective::expected_cost;
  std::vector<std::string> regions;  ///< allowed; empty: all
  Budget budget;
  Detect detect;
  std::vector<Target> targets;  ///< the primary included, in the order of the file
  std::optional<State> state;
  Failback failback;
  Drill drill;
  Limits limits;
  lease::Terms lease;
  SecretRef lease_key;  ///< who shows it may renew; empty name: nobody
  Unfenceable on_unfenceable = Unfenceable::hold;
  Millis observe_every{60'000};  ///< how often targets that do not run the service are looked at
  Place place;

  [[nodiscard]] const Target* find(const TargetId& wanted) const noexcept {
    for (const auto& t : targets) {
      if (t.id == wanted) return &t;
    }
    return nullptr;
  }
};

struct NotifierUse {
  NotifierId id;
  PluginUse use;
};

struct Route {
  std::optional<Severity> at_least;   ///< match.severity = ">=warning"
  std::optional<Severity> exactly;    ///< match.severity = "warning"
  std::vector<std::string> services;  ///< match.service; empty: all
  std::vector<std::string> targets;   ///< match.target
  std::vector<std::string> kinds;     ///< match.kind; "failover.*" matches a prefix
  std::vector<NotifierId> to;
  std::vector<int> days;                     ///< match.days: 0 is Monday; empty: all
  std::optional<std::pair<int, int>> hours;  ///< match.time = "22:00-06:00": minutes of the day, local
  Millis throttle{300'000};             ///< one delivery per alert key in this time; a resolve is never throttled away
  Millis group_wait{0};                 ///< what follows of the same incident in this time joins the message
  Millis repeat{0};                     ///< what fires is said again so often, until acknowledged or resolved
  Millis escalate_after{900'000};       ///< without acknowledgement...
  std::vector<NotifierId> escalate_to;  ///< ...these are told too; empty: nobody
  bool go_on = false;                   ///< `continue = true`
  Place place;
};

struct Orchestrator {
  enum class Mode { act, observe };
  std::string name = "understudy";
  std::filesystem::path data_dir = "var";  ///< absolute after loading: relative to the file's folder
  std::string listen;                      ///< "127.0.0.1:8750"; empty: unix socket only
  std::string lease_listen;  ///< "10.0.0.1:8751": where guards renew their leases; empty: at `listen` only
  Mode mode = Mode::act;
  std::vector<std::filesystem::path> plugin_path;
  std::vector<PluginUse> reference;  ///< checks that tell whether our own network works: all failing → unknown
  Millis heartbeat{0};               ///< an alert "heartbeat" so often, so that silence means trouble; 0: none
  std::string log_level = "info";
  std::string log_format = "text";  ///< or "json"
};

struct Config {
  Orchestrator orchestrator;
  std::vector<Service> services;
  std::vector<NotifierUse> notifiers;               ///< when the file has none: one named "log" with the plugin `log`
  std::map<std::string, PluginUse> secret_sources;  ///< [secrets.NAME], and those that are used without a table
  Rehearsal rehearse;
  std::vector<Route> routes;       ///< when the file has none: everything to every notifier
  std::vector<std::string> files;  ///< that were read, base first
  std::string hash;                ///< SHA-256 of the files' contents, hex: names this version of the config
};

}  // namespace understudy::config
