#include "core/answers/target.hpp"

#include "core/answers/numbers.hpp"
#include "core/model/epoch_from.hpp"

namespace understudy::answers {
namespace {

using sdk::Json;

std::optional<bool> flag(const Json& in, const char* key) {
  const auto it = in.find(key);
  return it == in.end() ? std::nullopt : std::optional(it->get<bool>());
}

}  // namespace

Observed observed(const Json& answer) {
  Observed out;
  out.state = answer.value("state", "unknown");
  out.detail = answer.value("detail", "");
  out.unsaved = flag(answer, "unsaved");
  if (!answer.contains("epoch")) return out;
  if (const auto number = whole(answer, "epoch", 0, 0, static_cast<std::int64_t>(most_told))) {
    out.epoch = Epoch{static_cast<std::uint64_t>(*number)};
  } else {
    out.detail += "; the epoch that it tells is an impossible number";
  }
  return out;
}

CheckReport as_check(const Observed& seen) {
  CheckReport out;
  out.cause = seen.state + ": " + seen.detail;
  if (seen.state == "active") out.outcome = Outcome::pass;
  if (seen.state == "stopped") out.outcome = Outcome::fail;
  out.local = seen.state == "stopped";  // a provider that answers proves that our way to it works
  return out;
}

Started started(const Json& answer) { return {answer.value("state", "active"), answer.value("detail", "")}; }

Stopped stopped(const Json& answer) {
  Stopped out{answer.value("stopped", false), answer.value("detail", ""), std::nullopt, flag(answer, "unsaved")};
  if (const auto it = answer.find("instance"); it != answer.end()) out.instance = it->get<std::string>();
  return out;
}

Copy copy(const Json& answer) {
  return {answer.value("state", "unknown"), answer.value("detail", ""), answer.value("same_address", false)};
}

std::optional<Price> quote(const Json& answer) {
  constexpr std::int64_t year_s = 366LL * 86'400;
  const auto standby = amount(answer, "standby_usd_per_hour"), active = amount(answer, "active_usd_per_hour"),
             activation = amount(answer, "activation_usd"), transfer = amount(answer, "transfer_usd_per_gb");
  const auto billing = whole(answer, "min_billing_s", 0, 0, year_s);
  if (!standby || !active || !activation || !transfer || !billing) return std::nullopt;
  return Price{{*standby},
               {*active},
               {*activation},
               {*transfer},
               std::chrono::seconds(*billing),
               answer.value("source", ""),
               answer.value("as_of", "")};
}

std::vector<Problem> problems(const Json& answer) {
  std::vector<Problem> out;
  for (const auto& one : answer.value("problems", Json::array()))
    out.push_back({one.value("severity", "error") == "warning", one.value("message", ""), one.value("hint", "")});
  return out;
}

}  // namespace understudy::answers
