#include "core/runtime/fence_offer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/failover/machine.hpp"

namespace understudy::runtime {
namespace {

using By = FenceOffer::By;
using Lease = FenceOffer::Lease;

constexpr std::string_view by_names[] = {"lease", "stop", "neither"};
constexpr std::string_view lease_names[] = {"off", "unseen", "held", "holds_over"};

std::string_view name_of(config::Unfenceable u) { return u == config::Unfenceable::promote ? "promote" : "hold"; }

/// Why there is no lease to wait for.
std::string_view why_no_lease(Lease lease) {
  switch (lease) {
    case Lease::unseen: return "its agent has not renewed a lease yet";
    case Lease::holds_over: return "its agent goes on without a lease (store_outage = \"hold\")";
    default: return "it keeps no lease";
  }
}

std::int64_t whole_seconds(Millis ms) { return std::chrono::ceil<std::chrono::seconds>(ms).count(); }

/// What the file says of a target that offers nothing.
std::string consequence(config::Unfenceable u, std::string_view who) {
  const auto says = fmt::format("(on_unfenceable = \"{}\")", name_of(u));
  return u == config::Unfenceable::promote ? fmt::format("{} is promoted all the same, and two may run {}", who, says)
                                           : fmt::format("a person must end it and say --force {}", says);
}

}  // namespace

FenceOffer fence_offer_of(const config::Service& service, const config::Target& target, const failover::State& state,
                          bool can_stop) {
  FenceOffer out;
  const auto guard = state.guards.find(target.id);
  const bool seen = target.lease && guard != state.guards.end();
  if (target.lease) out.lease = !seen ? Lease::unseen : guard->second.holds_over ? Lease::holds_over : Lease::held;
  if (const auto wait = failover::lease_wait(service, state, target.id)) {
    out.by = By::lease;
    out.wait = wait;
  } else if (!can_stop) {
    out.by = By::neither;
    out.unfenceable = service.on_unfenceable;
  }
  return out;
}

std::string words_of(const FenceOffer& offer) {
  const std::string no_lease = offer.lease == Lease::off ? "" : fmt::format("; {}", why_no_lease(offer.lease));
  switch (offer.by) {
    case By::lease: return fmt::format("lease: out of reach, it has ended after {} s", whole_seconds(*offer.wait));
    case By::stop:
      return "stop: its plugin confirms it; out of reach, it is held until then, or a person says --force" + no_lease;
    case By::neither: break;
  }
  return fmt::format("neither a stop nor a lease: {}{}", consequence(*offer.unfenceable, "another"), no_lease);
}

std::string sentence_of(const TargetId& active, const FenceOffer& offer) {
  const auto& name = active.value;
  switch (offer.by) {
    case By::lease:
      return fmt::format(
          "should nobody reach {}: its lease has run out for certain after {} s, and the standby is promoted then",
          name, whole_seconds(*offer.wait));
    case By::stop:
      return fmt::format(
          "should nobody reach {}: {}, so it is held until its stop is confirmed or a person says --force", name,
          why_no_lease(offer.lease));
    case By::neither: break;
  }
  return fmt::format("nobody can be certain that {} has ended: its plugin offers no stop, and {}: {}", name,
                     why_no_lease(offer.lease), consequence(*offer.unfenceable, "the standby"));
}

nlohmann::json to_json(const FenceOffer& offer) {
  using Json = nlohmann::json;
  return {{"by", by_names[static_cast<int>(offer.by)]},
          {"lease", lease_names[static_cast<int>(offer.lease)]},
          {"wait_ms", offer.wait ? Json(offer.wait->count()) : Json()},
          {"unfenceable", offer.unfenceable ? Json(name_of(*offer.unfenceable)) : Json()},
          {"text", words_of(offer)}};
}

}  // namespace understudy::runtime
