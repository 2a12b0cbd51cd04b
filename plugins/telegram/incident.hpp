// One incident as one message that goes on: what is known of it travels in the alert's `thread`, so that nothing is
// kept on disk here. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "courier.hpp"
#include "settings.hpp"
#include "text.hpp"
#include "understudy/types.hpp"

namespace telegram_plugin {

struct Entry {
  std::string alert;  ///< id of the delivery, so that a repeat adds nothing
  std::int64_t at_ms = 0;
  std::string severity, state, title, text;
};

struct Incident {
  std::optional<Posted> message;     ///< where it is told; none before the first delivery
  std::vector<Entry> entries;        ///< oldest first, bounded
  int dropped = 0;                   ///< how many were left out of `entries`
  std::vector<std::string> actions;  ///< what its buttons offer

  /// From an alert's `thread`. What is not of our making counts as empty; the message is forgotten when another chat is
  /// configured now.
  [[nodiscard]] static Incident from(const understudy::sdk::Json& thread, const Settings& settings);
  [[nodiscard]] understudy::sdk::Json to_json(const Settings& settings) const;

  void add(const understudy::sdk::Alert& alert);
  [[nodiscard]] Lines render(const understudy::sdk::Alert& latest, const Settings& settings) const;
};

/// Of this message: alerts that the core tells as one carry the first one's id, which was perhaps told alone before.
[[nodiscard]] std::string told_id(const understudy::sdk::Alert& alert);
/// An alert that belongs to no incident.
[[nodiscard]] Lines render_alone(const understudy::sdk::Alert& alert, const Settings& settings);
/// The short reply that makes a sound, since an edit makes none.
[[nodiscard]] Lines render_reply(const understudy::sdk::Alert& alert);
[[nodiscard]] bool deserves_reply(const understudy::sdk::Alert& alert, const Settings& settings);

/// What the core offers (the fact `actions`, separated by commas), else what the alert's kind suggests.
[[nodiscard]] std::vector<std::string> actions_for(const understudy::sdk::Alert& alert,
                                                   const std::vector<std::string>& before);

}  // namespace telegram_plugin
