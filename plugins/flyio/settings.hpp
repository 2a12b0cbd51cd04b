// What the settings say of a Fly app and its machines. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "understudy/types.hpp"

namespace flyio_plugin {

/// Metadata of a machine that flyctl gives the process group in.
inline constexpr const char* meta_group = "fly_process_group";

using Texts = std::map<std::string, std::string>;

struct Settings {
  std::string app, api;
  understudy::sdk::Json token;  ///< a text, or {"$secret": key}
  Texts selector;               ///< metadata that a machine must have to be one of ours; empty: all of the app
  int count = 1;                ///< machines that run while the service is active
  understudy::sdk::Millis lease_ttl{30'000};

  // target
  int max_machines = 5;  ///< never create more than that
  std::vector<std::string> regions;
  std::string image, size;
  std::int64_t memory_mb = 0;
  understudy::sdk::Json config = understudy::sdk::Json::object();  ///< more of a new machine's config, as Fly has it
  Texts env;
  std::string restart, autostop, prewarm;
  understudy::sdk::Millis idle_stop{0}, started_after{0};
  double rootfs_gb = 1;
  understudy::sdk::Json price = understudy::sdk::Json::object();

  // health
  bool weak = false, asleep_degraded = false;

  /// Throws sdk::Failure(invalid) for what no machine could be.
  [[nodiscard]] static Settings from_json(const understudy::sdk::Json& in);
  [[nodiscard]] bool selects(const understudy::sdk::Json& metadata) const;
  /// The place of a region in the list; those that are not in it come after all that are.
  [[nodiscard]] std::size_t rank_of(const std::string& region) const;
};

/// A size such as "shared-cpu-2x" or "performance-4x".
struct Guest {
  std::string kind = "shared";
  int cpus = 1;
  std::int64_t memory_mb = 256;
  [[nodiscard]] understudy::sdk::Json to_json() const {
    return {{"cpu_kind", kind}, {"cpus", cpus}, {"memory_mb", memory_mb}};
  }
};
/// Throws sdk::Failure(invalid). `memory_mb` 0: what the size brings.
[[nodiscard]] Guest parse_size(const std::string& size, std::int64_t memory_mb);

}  // namespace flyio_plugin
