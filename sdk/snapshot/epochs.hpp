// What the bundled state stores have in common about epochs: which snapshot is the newest, which are kept, and how what
// a replaced site brings is refused. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "understudy/types.hpp"

namespace understudy::snapshot {

constexpr std::int64_t day_ms = 86'400'000;
/// So many of what was refused are kept; then nothing more is stored but what was under way when a newer epoch began.
constexpr std::size_t most_aside = 5;

/// No service comes so far: what every reader of JSON keeps exactly, and twice what the orchestrator believes of
/// anybody. A -1 that was read as unsigned would refuse every push from then on.
constexpr std::uint64_t most_epochs = std::uint64_t{1} << 53;
/// The epoch that a manifest tells. Throws `invalid` for what can be none.
[[nodiscard]] std::uint64_t epoch_from(const understudy::sdk::Json& in);

/// For a sort, newest first: by epoch, whatever the clocks of two sites say.
[[nodiscard]] bool newer(const understudy::sdk::Snapshot& a, const understudy::sdk::Snapshot& b);

/// What prune leaves, asked of each snapshot once, newest first.
class Keeping {
 public:
  Keeping(const understudy::sdk::PruneRequest& request, std::int64_t now_ms) : request_(request), now_ms_(now_ms) {}
  /// What is damaged is kept: it is for a person.
  [[nodiscard]] bool keeps(const understudy::sdk::Snapshot& snapshot);

 private:
  const understudy::sdk::PruneRequest& request_;
  const std::int64_t now_ms_;
  std::int64_t valid_seen_ = 0;
};

/// How long what was refused stays.
[[nodiscard]] std::int64_t aside_age_ms(const understudy::sdk::PruneRequest& request);

/// Of the time that a call has left: how long the data of a push may be copied aside once its epoch is known to be old.
/// The refusal is what stops a replaced site, so it has to come in time, also when a disk or a line stalls.
[[nodiscard]] understudy::sdk::Millis time_aside(understudy::sdk::Millis left);

/// The answer to a push of `epoch` where `newest` is known. `fate`: what became of its data.
[[noreturn]] void refuse_old(std::uint64_t epoch, std::uint64_t newest, const std::string& fate);
/// The fate of what `why` kept from being kept.
[[nodiscard]] std::string only_at_the_site(const std::string& why);
/// The answer to a fence of `epoch` where `known` is known.
[[noreturn]] void refuse_fence(std::uint64_t epoch, std::uint64_t known);

}  // namespace understudy::snapshot
