// What is open: alerts that fire and have not resolved, who has acknowledged them, and when they are due to be said
// again or to be said to somebody else. Pure; the runtime stores each change and asks again at next_due().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/alerts/routing.hpp"
#include "core/config/config.hpp"
#include "core/model/alert.hpp"

namespace understudy::alerts {

struct OpenAlert {
  Alert alert;
  WallTime since{};
  WallTime said{};                       ///< last to the notifiers of its route
  bool escalated = false;                ///< to `escalate_to`
  std::vector<NotifierId> escalated_to;  ///< who hears of its end, too
  std::string acknowledged;              ///< by whom; empty: by nobody
  std::optional<WallTime>
      held;  ///< nobody was told, for a silence or the throttle: to be told then, if it is open still
};

/// Keeps alerts from being said. Matches exactly; ends by itself.
struct Silence {
  std::string id;
  std::string service, target, kind;  ///< empty: any; `kind` may end with *
  std::string who, reason;
  WallTime until{};
  [[nodiscard]] bool covers(const Alert& alert, WallTime now) const;
};

class Board {
 public:
  /// A firing alert opens or goes on, a resolved one closes; an event changes nothing. The key whose entry changed.
  std::optional<std::string> take(const Alert& alert, WallTime now);
  /// Those of the incident, or of the service, or all; the keys that changed.
  std::vector<std::string> acknowledge(const std::string& incident, const ServiceId& service, const std::string& who);

  struct Due {
    std::string key;
    const OpenAlert* open;
    std::vector<NotifierId> to;
    bool escalation = false;
    bool held = false;  ///< for the first time: `to` is empty, its routes say who
  };
  /// What is to be said now: what was held, and `repeat` and `escalate_after` of the routes that an alert reaches at
  /// this hour, of each the first that has it. Marks it as said.
  [[nodiscard]] std::vector<Due> due(const config::Config& config, WallTime now, const LocalTime& local);
  [[nodiscard]] std::optional<WallTime> next_due(const config::Config& config, const LocalTime& local) const;
  /// It is open and nobody was told: that is to happen at `until`.
  void hold(const std::string& key, std::optional<WallTime> until);

  [[nodiscard]] const std::map<std::string, OpenAlert>& open() const noexcept { return open_; }
  [[nodiscard]] const OpenAlert* find(const std::string& key) const;
  void restore(const std::string& key, OpenAlert open) { open_[key] = std::move(open); }

 private:
  std::map<std::string, OpenAlert> open_;
};

[[nodiscard]] nlohmann::json to_json(const OpenAlert& open);
/// Throws json::exception for wrong types, as silence_from_json does; a time that cannot be is long ago.
[[nodiscard]] OpenAlert open_from_json(const nlohmann::json& in);
[[nodiscard]] nlohmann::json to_json(const Silence& silence);
[[nodiscard]] Silence silence_from_json(const nlohmann::json& in);

}  // namespace understudy::alerts
