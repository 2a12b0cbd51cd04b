// Which notifiers get an alert, and when one is too much. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/model/alert.hpp"

namespace understudy::alerts {

/// Where people are: the time of day and week for routes that name one.
struct LocalTime {
  int minute_of_day = 0;  ///< 0..1439
  int weekday = 0;        ///< 0: Monday
};

struct Delivery {
  NotifierId notifier;
  int suppressed = 0;  ///< alerts of this key that the throttle held back since the last delivery
  Millis wait{0};      ///< for what belongs to the same incident: they go out as one message
};

/// Remembers, for each route, notifier and alert key, when it last delivered. Bounded: old keys are forgotten.
class Router {
 public:
  /// The first route that matches decides, and those after it while `continue` is set. An alert that no route matches
  /// goes to every notifier: nothing is dropped in silence. A resolve of what was delivered is never throttled; give it
  /// the severity of what it resolves, so that it goes the same way.
  [[nodiscard]] std::vector<Delivery> route(const config::Config& config, const Alert& alert, WallTime now,
                                            const LocalTime& local = {});
  /// People were told last that it ended, and the throttle keeps them from hearing that it fires again: until then.
  [[nodiscard]] std::optional<WallTime> held_until(const config::Config& config, const Alert& alert, WallTime now,
                                                   const LocalTime& local = {}) const;

 private:
  struct Sent {
    std::optional<WallTime> at;  ///< of the last delivery that was no resolve
    int suppressed = 0;
    bool told = false;  ///< that it fires, and not yet that it ended
  };
  [[nodiscard]] std::vector<Delivery> begun(const config::Config& config, const Alert& alert, WallTime now,
                                            const LocalTime& local);
  /// To whoever was told that it fires, by whichever route and at whichever hour that was.
  [[nodiscard]] std::vector<Delivery> ended(const config::Config& config, const Alert& alert);
  std::map<std::string, Sent> sent_;
  void forget_old(WallTime now);
};

/// Whether a route is meant, its time of day aside.
[[nodiscard]] bool matches(const config::Route& route, const Alert& alert);
[[nodiscard]] bool kind_matches(const std::vector<std::string>& patterns, const std::string& kind);

[[nodiscard]] bool in_hours(const config::Route& route, const LocalTime& local);

}  // namespace understudy::alerts
