// One machine as the API shows it, and what a group of them means for the service. Pure.
// Fields and states: Fly Machines API, OpenAPI of docs.machines.dev; nulls and unknown states do occur.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "settings.hpp"

namespace flyio_plugin {

inline constexpr const char* meta_epoch = "understudy_epoch";
inline constexpr const char* meta_operation = "understudy_operation";
inline constexpr const char* meta_bad_images = "understudy_bad_images";  ///< rolled back from, separated by blanks
/// It ran when it was rolled back, and is to be started again; empty once that is done, or it was stopped for good.
inline constexpr const char* meta_rollback_ran = "understudy_rollback_ran";
inline constexpr const char* env_epoch = "UNDERSTUDY_EPOCH";
inline constexpr const char* env_standby = "UNDERSTUDY_STANDBY";

enum class Phase {
  resting,   ///< nothing runs and nothing is under way
  starting,  ///< on its way up
  started,   ///< its processes run
  stopping,  ///< on its way down
  gone,      ///< destroyed for good
  unclear,   ///< its host does not answer, or the state is one that this version does not know
};

/// How a machine's main process ended last.
struct Exit {
  std::int64_t at_ms = 0, code = 0;
  bool requested = false, out_of_memory = false;
  std::optional<bool> restarting;  ///< Fly starts it again; not every event tells
};

struct Machine {
  std::string id, name, region, state, version;  ///< version: the instance id
  std::string host;                              ///< "ok", "unknown", "unreachable"
  understudy::sdk::Json config;                  ///< whole and cleaned; null when its host could not give it
  understudy::sdk::Json known_config;            ///< the same, or the part that is known
  understudy::sdk::Json checks = understudy::sdk::Json::array();
  bool cordoned = false;
  std::optional<Exit> exit;
  std::int64_t event_ms = 0;  ///< of the newest event

  /// Throws Json::exception when this is no machine.
  [[nodiscard]] static Machine from_json(const understudy::sdk::Json& in);

  [[nodiscard]] Phase phase() const;
  [[nodiscard]] bool lives() const;
  /// Its processes run or may; not when it was at rest before its host went out of sight.
  [[nodiscard]] bool may_run() const;
  [[nodiscard]] std::string meta(const std::string& key) const;
  [[nodiscard]] std::string variable(const std::string& key) const;
  [[nodiscard]] std::string image() const { return known_config.is_object() ? known_config.value("image", "") : ""; }
  /// That it was configured for, running or not.
  [[nodiscard]] std::optional<std::uint64_t> epoch() const;
  /// Prewarmed: booted with UNDERSTUDY_STANDBY and not given an epoch since.
  [[nodiscard]] bool passive() const;
  /// Started again by others than us: why, in a few words; empty when nothing would.
  [[nodiscard]] std::vector<std::string> wakers() const;
  /// A request through Fly's proxy would start it.
  [[nodiscard]] bool proxy_wakes() const;
  /// It ended by itself, in a way after which its restart policy starts it again: it may be between two tries.
  [[nodiscard]] bool may_start_again() const;
  /// It ended by itself and without an error: out of work, or idle for long.
  [[nodiscard]] bool fell_asleep() const;
  [[nodiscard]] std::string describe() const;
};
using Machines = std::vector<Machine>;

/// Of Fly's own helpers (release commands, consoles), which never run the service.
[[nodiscard]] bool is_helper(const understudy::sdk::Json& metadata);
/// Without nulls and empty words where the API's own replies hold them but its requests must not.
[[nodiscard]] understudy::sdk::Json cleaned(const understudy::sdk::Json& config);

[[nodiscard]] std::optional<std::uint64_t> newest_epoch(const Machines& machines);
[[nodiscard]] std::string describe(const Machines& machines);
/// Those that run the service, or may.
[[nodiscard]] Machines living(const Machines& machines);
[[nodiscard]] understudy::sdk::Observation observation_of(const Machines& machines, int count);
[[nodiscard]] understudy::sdk::CheckResult health_of(const Machines& machines, const Settings& settings);

}  // namespace flyio_plugin
