// The supervisor's way to the snapshots: the store of its file, or the one that an activation names. On the loop.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/config/agent_file.hpp"
#include "core/plugins/registry.hpp"
#include "core/state/state_keeper.hpp"

namespace understudy::agent {

class StateRoom {
 public:
  /// The options, the registry and what the wiring holds outlive it.
  StateRoom(plugins::Registry::Wiring wiring, plugins::Registry& registry, const config::Agent& options);

  [[nodiscard]] bool any() const noexcept { return options_.state.has_value(); }
  /// Opens the store. `where`: as an activation names it; empty: as the file says. What went wrong, or nothing.
  [[nodiscard]] std::optional<std::string> open(const std::string& where);

  /// Snapshots of the store, or what went wrong.
  using Listed = std::function<void(std::variant<std::vector<SnapshotInfo>, std::string>)>;
  void list(Listed done);
  /// Into place.
  void bring(const SnapshotId& id, Epoch epoch, state::StateKeeper::Done done);
  void push(Epoch epoch, bool urgent, state::StateKeeper::Done done);
  void prune();
  /// Whether all that is the state is there.
  [[nodiscard]] bool in_place() const;

 private:
  [[nodiscard]] std::optional<std::string> place(nlohmann::json& settings, const std::string& where) const;

  plugins::Registry::Wiring wiring_;
  plugins::Registry& registry_;
  const config::Agent& options_;
  config::Service service_;
  config::Target here_;
  std::string opened_;  ///< settings of the keeper, as text
  std::unique_ptr<state::StateKeeper> keeper_;
};

}  // namespace understudy::agent
