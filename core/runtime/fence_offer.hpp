// How it is made certain that nothing runs at a target any more, when the service is to leave it: as status and plan
// tell people. What is done then is the state machine's (core/failover/moving.cpp, leases.cpp). Pure.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "core/config/config.hpp"
#include "core/failover/state.hpp"

namespace understudy::runtime {

struct FenceOffer {
  /// `lease`: out of reach, it has ended after `wait`. `stop`: its provider stops it and confirms that. `neither`: the
  /// file's on_unfenceable says what then.
  enum class By { lease, stop, neither };
  enum class Lease { off, unseen, held, holds_over };
  By by = By::stop;
  Lease lease = Lease::off;    ///< off: none is configured; holds_over: the agent goes on without it
  std::optional<Millis> wait;  ///< with By::lease: from the revocation on
  std::optional<config::Unfenceable> unfenceable;  ///< with By::neither
};

/// `can_stop`: the target's plugin offers a stop.
[[nodiscard]] FenceOffer fence_offer_of(const config::Service& service, const config::Target& target,
                                        const failover::State& state, bool can_stop);

/// A line for people: "stop: its plugin confirms it; ..."
[[nodiscard]] std::string words_of(const FenceOffer& offer);
/// The same for the target that runs the service, as a sentence.
[[nodiscard]] std::string sentence_of(const TargetId& active, const FenceOffer& offer);
/// docs/api.md, `fence`.
[[nodiscard]] nlohmann::json to_json(const FenceOffer& offer);

}  // namespace understudy::runtime
