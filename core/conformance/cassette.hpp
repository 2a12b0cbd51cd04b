// What passed between a plugin and its host, as a file that a person can read and a test can replay without a network.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/model/time.hpp"
#include "understudy/status.hpp"

namespace understudy::conformance {

/// One call of the plugin to its host.
struct HostExchange {
  std::string method;
  sdk::Json params;
  sdk::Json answer;  ///< {"status": "ok", "result": …} or {"status": …, "error": …}
  struct Item {
    std::int64_t after_ms;  ///< since the call
    sdk::Json item;
  };
  std::vector<Item> items;          ///< of a streaming call
  std::int64_t after_ms = 0;        ///< from the call to its answer; −1: it was never answered
  std::optional<std::string> file;  ///< the bytes that came to `to_file`
};

/// One call to the plugin.
struct Step {
  std::string method;
  sdk::Json params;
  std::int64_t budget_ms = 30'000;
  std::int64_t at_ms = 0;  ///< since the instance was made
  sdk::Json answer;
};

struct Cassette {
  std::string plugin, version, interface_name, service, target;
  std::int64_t recorded_at_ms = 0;  ///< wall clock; where the virtual clock begins
  sdk::Json settings = sdk::Json::object();
  std::vector<Step> steps;
  std::vector<HostExchange> exchanges;  ///< in the order in which they began
};

[[nodiscard]] sdk::Json to_json(const Cassette& cassette);
/// Throws std::runtime_error that names the file.
[[nodiscard]] Cassette read_cassette(const std::filesystem::path& file);

[[nodiscard]] sdk::Json answer_json(const sdk::Result& result);
[[nodiscard]] sdk::Result answer_from_json(const sdk::Json& answer);

/// `value` with `from` replaced by `to` in every text: a cassette's own folder is written as ${HERE}.
[[nodiscard]] sdk::Json replaced(const sdk::Json& value, const std::string& from, const std::string& to);
inline constexpr const char* here = "${HERE}";

/// What stands for a secret in a cassette, and is what secret.get/1 answers in a replay.
[[nodiscard]] std::string placeholder(const std::string& key);

}  // namespace understudy::conformance
