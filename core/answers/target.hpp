// What a StandbyTarget answers. Pure; each throws Json::exception for wrong types.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model/cost.hpp"
#include "core/model/health.hpp"
#include "core/model/ids.hpp"
#include "understudy/status.hpp"

namespace understudy::answers {

/// Of standby.observe/1.
struct Observed {
  std::string state = "unknown";  ///< as the plugin wrote it
  std::string detail;
  std::optional<Epoch> epoch;  ///< an impossible one is left out, and `detail` says so
  std::optional<bool> unsaved;
};
[[nodiscard]] Observed observed(const sdk::Json& answer);
/// For a target without checks of its own: what its provider says is its health.
[[nodiscard]] CheckReport as_check(const Observed& seen);

/// Of standby.activate/1.
struct Started {
  std::string state, detail;
};
[[nodiscard]] Started started(const sdk::Json& answer);

/// Of standby.deactivate/1 and drill.end/1.
struct Stopped {
  bool stopped = false;
  std::string detail;
  std::optional<std::string> instance;
  std::optional<bool> unsaved;
};
[[nodiscard]] Stopped stopped(const sdk::Json& answer);

/// Of drill.start/1 and drill.observe/1.
struct Copy {
  std::string state, detail;
  bool same_address = false;
};
[[nodiscard]] Copy copy(const sdk::Json& answer);

/// Of standby.quote/1. Nothing when a price is negative or a number cannot be: such a target would be the cheapest of
/// all.
[[nodiscard]] std::optional<Price> quote(const sdk::Json& answer);

struct Problem {
  bool warning = false;
  std::string message, hint;
};
/// Of target.diagnose/1.
[[nodiscard]] std::vector<Problem> problems(const sdk::Json& answer);

}  // namespace understudy::answers
