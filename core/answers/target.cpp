#include "core/answers/target.hpp"

#include "core/answers/values.hpp"

namespace understudy::answers {
namespace {

std::optional<bool> perhaps(const sdk::Json& in, const char* key) {
  return missing(in, key) ? std::nullopt : std::optional(flag(in, key, false));
}

}  // namespace

using sdk::Json;

Observed observed(const Json& answer) {
  Observed out;
  out.state = text(answer, "state", "unknown");
  out.detail = text(answer, "detail");
  out.unsaved = perhaps(answer, "unsaved");
  if (missing(answer, "epoch")) return out;
  if (const auto told = epoch(answer, "epoch")) {
    out.epoch = told;
  } else {
    out.detail += out.detail.empty() ? "" : "; ";
    out.detail += "the epoch that it tells is an impossible number";
  }
  return out;
}

CheckReport observed_as_check(const Json& answer) {
  CheckReport out;
  const auto state = text(answer, "state", "unknown");
  out.cause = state + ": " + text(answer, "detail");
  if (state == "active") out.outcome = Outcome::pass;
  if (state == "stopped") out.outcome = Outcome::fail;
  out.local = state == "stopped";  // a provider that answers proves that our way to it works
  return out;
}

Started started(const Json& answer) { return {text(answer, "state", "active"), text(answer, "detail")}; }

Stopped stopped(const Json& answer) {
  Stopped out{flag(answer, "stopped", false), text(answer, "detail"), std::nullopt, perhaps(answer, "unsaved")};
  if (!missing(answer, "instance")) out.instance = text(answer, "instance");
  return out;
}

Copy copy(const Json& answer) {
  return {text(answer, "state", "unknown"), text(answer, "detail"), flag(answer, "same_address", false)};
}

Quote quote(const Json& answer) {
  constexpr std::int64_t year_s = 366LL * 86'400;
  Quote out;
  const auto usd = [&](const char* key) {
    const auto number = amount(answer, key);
    if (!number) out.wrong.emplace_back(key);
    return Usd{number.value_or(0)};
  };
  out.price.standby_per_hour = usd("standby_usd_per_hour");
  out.price.active_per_hour = usd("active_usd_per_hour");
  out.price.activation = usd("activation_usd");
  out.price.transfer_per_gb = usd("transfer_usd_per_gb");
  const auto billing = whole(answer, "min_billing_s", 0, 0, year_s);
  if (!billing) out.wrong.emplace_back("min_billing_s");
  out.price.min_billing = std::chrono::seconds(billing.value_or(0));
  out.price.source = text(answer, "source");
  out.price.as_of = text(answer, "as_of");
  return out;
}

std::vector<Problem> problems(const Json& answer) {
  std::vector<Problem> out;
  for (const auto& one : answer.value("problems", Json::array()))
    out.push_back({text(one, "severity", "error") == "warning", text(one, "message"), text(one, "hint")});
  return out;
}

}  // namespace understudy::answers
