// The whole configs that machines are given. Pure.
#pragma once

#include "machine.hpp"

namespace flyio_plugin {

/// For a machine that is to run the service: nothing of `current` is dropped that was not ours.
[[nodiscard]] understudy::sdk::Json active_config(const understudy::sdk::Json& current,
                                                  const understudy::sdk::ActivateRequest& request,
                                                  const Settings& settings);
/// For a machine that boots and waits: UNDERSTUDY_STANDBY, and the last epoch as that which it must exceed.
[[nodiscard]] understudy::sdk::Json standby_config(const understudy::sdk::Json& current, const std::string& service,
                                                   const std::string& target, const Settings& settings);
/// For a machine that does not exist yet, from the settings, or after the model of another one. Without an epoch.
[[nodiscard]] understudy::sdk::Json new_config(const Machine* model, const Settings& settings);
/// What a resumed machine, whose variables are those of its boot, is told instead.
[[nodiscard]] understudy::sdk::Json activation_metadata(const understudy::sdk::ActivateRequest& request);
/// The same for the same place, so that a creation whose answer was lost is found again.
[[nodiscard]] std::string machine_name(const std::string& service, const std::string& target, const std::string& region,
                                       std::size_t number);
/// Why it cannot be suspended; empty when it can.
[[nodiscard]] std::string cannot_suspend(const understudy::sdk::Json& config);

}  // namespace flyio_plugin
