#include "core/answers/target.hpp"

#include "core/answers/numbers.hpp"
#include "core/model/epoch_from.hpp"

namespace understudy::answers {
namespace {

using sdk::Json;

std::optional<bool> flag(const Json& in, const char* key) {
  return missing(in, key) ? std::nullopt : std::optional(in.at(key).get<bool>());
}

}  // namespace

Observed observed(const Json& answer) {
  Observed out;
  out.state = answer.value("state", "unknown");
  out.detail = answer.value("detail", "");
  out.unsaved = flag(answer, "unsaved");
  if (missing(answer, "epoch")) return out;
  if (const auto number = whole(answer, "epoch", 0, 0, static_cast<std::int64_t>(most_told))) {
    out.epoch = Epoch{static_cast<std::uint64_t>(*number)};
  } else {
    out.detail += out.detail.empty() ? "" : "; ";
    out.detail += "the epoch that it tells is an impossible number";
  }
  return out;
}

CheckReport observed_as_check(const Json& answer) {
  CheckReport out;
  const auto state = answer.value("state", "unknown");
  out.cause = state + ": " + answer.value("detail", "");
  if (state == "active") out.outcome = Outcome::pass;
  if (state == "stopped") out.outcome = Outcome::fail;
  out.local = state == "stopped";  // a provider that answers proves that our way to it works
  return out;
}

Started started(const Json& answer) { return {answer.value("state", "active"), answer.value("detail", "")}; }

Stopped stopped(const Json& answer) {
  Stopped out{answer.value("stopped", false), answer.value("detail", ""), std::nullopt, flag(answer, "unsaved")};
  if (!missing(answer, "instance")) out.instance = answer.at("instance").get<std::string>();
  return out;
}

Copy copy(const Json& answer) {
  return {answer.value("state", "unknown"), answer.value("detail", ""), answer.value("same_address", false)};
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
  out.price.source = answer.value("source", "");
  out.price.as_of = answer.value("as_of", "");
  return out;
}

std::vector<Problem> problems(const Json& answer) {
  std::vector<Problem> out;
  for (const auto& one : answer.value("problems", Json::array()))
    out.push_back({one.value("severity", "error") == "warning", one.value("message", ""), one.value("hint", "")});
  return out;
}

}  // namespace understudy::answers
