#include "tokens.hpp"

#include <algorithm>

#include "wire.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr std::int64_t renew_before_ms = 300'000;
/// After a renewal that failed while the old token is still good.
constexpr std::int64_t try_again_ms = 15'000;
constexpr std::int64_t too_old_ms = 500;

}  // namespace

std::string Tokens::token(const std::string& audience, const Deadline& deadline) {
  const std::unique_lock lock(fetching_, deadline.left());
  if (!lock) throw Failure(Status::transient, "another request is still waiting for a token of " + name());
  const auto now = now_ms(host_);
  const auto it = kept_.find(audience);
  const bool usable = it != kept_.end() && it->second.token.expires_ms - too_old_ms > now;
  if (usable && it->second.renew_ms > now) return it->second.token.value;
  try {
    return (kept_[audience] = fresh(audience, deadline)).token.value;
  } catch (const Failure& failure) {
    if (!usable) {
      kept_.erase(audience);
      throw;
    }
    host_.log(LogLevel::warning,
              "a token could not be renewed early; the old one still serves: " + failure.error().message);
    kept_[audience].renew_ms = now + try_again_ms;
    return kept_[audience].token.value;
  }
}

Tokens::Kept Tokens::fresh(const std::string& audience, const Deadline& deadline) {
  const auto credential = load_credential(host_, settings_);
  {
    const std::lock_guard lock(naming_);
    name_ = credential->name();
  }
  Kept out;
  out.token = audience.empty() ? credential->access(deadline) : credential->identity(audience, deadline);
  const auto now = now_ms(host_);
  const auto life = std::max<std::int64_t>(0, out.token.expires_ms - now);
  out.renew_ms = out.token.expires_ms - std::min(renew_before_ms, life / 4);
  return out;
}

void Tokens::distrust(const std::string& value) {
  const std::lock_guard lock(fetching_);
  std::erase_if(kept_, [&](const auto& entry) { return entry.second.token.value == value; });
}

std::string Tokens::name() const {
  const std::lock_guard lock(naming_);
  return name_.empty() ? "the configured account" : name_;
}

}  // namespace gcp
