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
/// The same for a target without checks of its own: what its provider says is its health. Of the rest nothing is read,
/// so that nothing there can hide that it has stopped.
[[nodiscard]] CheckReport observed_as_check(const sdk::Json& answer);

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

/// Of standby.quote/1.
struct Quote {
  Price price;
  std::vector<std::string> wrong;  ///< what is negative or cannot be, and counts as 0: nobody pays us for a target
};
[[nodiscard]] Quote quote(const sdk::Json& answer);

struct Problem {
  bool warning = false;
  std::string message, hint;
};
/// Of target.diagnose/1.
[[nodiscard]] std::vector<Problem> problems(const sdk::Json& answer);

}  // namespace understudy::answers
