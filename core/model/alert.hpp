// Something that people should know.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/model/ids.hpp"

namespace understudy {

enum class Severity { info, warning, critical };

[[nodiscard]] constexpr std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::critical: break;
  }
  return "critical";
}

/// `firing` until a later alert with the same kind, service and target is `resolved`; `event`: told once.
enum class AlertState { event, firing, resolved };

[[nodiscard]] constexpr std::string_view to_string(AlertState state) noexcept {
  switch (state) {
    case AlertState::firing: return "firing";
    case AlertState::resolved: return "resolved";
    case AlertState::event: break;
  }
  return "event";
}

struct Alert {
  std::string kind;  ///< stable, dotted: "failover.started"
  Severity severity = Severity::info;
  AlertState state = AlertState::event;
  ServiceId service;
  TargetId target;
  std::string title;                         ///< one line
  std::string text;                          ///< what happened, what will happen, what to do
  std::map<std::string, std::string> facts;  ///< for programs and templates
  std::string incident;                      ///< alerts of one incident share it; may be empty
  std::string about;                         ///< where one kind has several at a time, or in turn: why it is blocked

  /// Alerts with one key are one thing that fires and resolves.
  [[nodiscard]] std::string key() const {
    return kind + '|' + service.value + '|' + target.value + (about.empty() ? "" : '|' + about);
  }
};

}  // namespace understudy
