#include "answer.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "prices.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

std::string text_of(const Json& body, const char* key) {
  if (!body.is_object()) return {};
  const auto it = body.find(key);
  return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string shortened(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
  return text.size() > 300 ? text.substr(0, 300) + "…" : text;
}

/// Only in choosing the words of the hint: the status never depends on the provider's prose.
bool speaks_of_money(const std::string& text) {
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(
      std::initializer_list<const char*>{"payment", "billing", "credit card", "trial", "overdue"},
      [&](const char* word) { return lower.find(word) != std::string::npos; });
}

constexpr const char* money_hint =
    "billing of the organisation is not in order: add or renew the payment method at fly.io/dashboard, Billing";

std::string region_hint(const Attempt& attempt) {
  if (attempt.region.empty() || region_is_known(attempt.region)) return {};
  return "is \"" + attempt.region + "\" a region? it was none on " + prices_as_of() + ": see `fly platform regions`";
}

std::string refusal_hint(const Answer& answer, const Attempt& attempt) {
  if (speaks_of_money(answer.text)) return money_hint;
  if (auto hint = region_hint(attempt); !hint.empty()) return hint;
  if (!attempt.region.empty() || attempt.what.starts_with("create"))
    return "check `image`, `size`, `memory`, `regions` and `config`, and the organisation's machine limit";
  return {};
}

struct Judgement {
  Status status;
  std::string says, hint, kind;
};

Judgement judge(const Answer& a, const Attempt& attempt, const Settings& s) {
  if (a.no_capacity())
    return {Status::transient, "there is no room", "name more `regions`, or a smaller `size`", "capacity"};
  if (a.code == "name_taken")
    return {
        Status::conflict, "the name is taken",
        "another machine of the app bears it and is not chosen by `metadata` or `process_group`: rename or destroy it",
        "name_taken"};
  switch (a.http) {
    case 401:
      return {Status::denied, "the token is not accepted",
              "make a new one with `fly tokens create deploy -a " + s.app + "` and set it as `token`", "token"};
    case 402: return {Status::denied, "billing is off", money_hint, "billing"};
    case 403:
      return {Status::denied, "the token has no permission",
              speaks_of_money(a.text) ? std::string(money_hint)
                                      : "a deploy token holds for one app: is it of \"" + s.app + "\"" +
                                            (attempt.changes ? ", and no read-only one" : "") +
                                            ", and is the app in the token's organisation?",
              "permission"};
    case 404:
      return {Status::invalid, "not found",
              "is \"" + s.app + "\" the app's name, and in the token's organisation? see `fly apps list`", "not_found"};
    case 408: return {attempt.changes ? Status::unknown : Status::transient, "Fly ran out of time", "", "timeout"};
    case 409:
      return {Status::conflict, "another holds the machine, or has changed it",
              "another controller or `fly deploy` is at work on it: it is tried again by itself", "leased"};
    case 412: return {Status::transient, "the machine is not ready for that yet", "", "unsettled"};
    case 429:
      return {Status::transient, "too many requests", "raise the intervals of checks of this app", "rate_limit"};
    default: break;
  }
  if (a.http >= 500)
    return {attempt.changes ? Status::unknown : Status::transient, "Fly has a problem of its own",
            "see status.flyio.net", "server"};
  return {Status::invalid, "refused", refusal_hint(a, attempt), "refused"};
}

}  // namespace

Answer Answer::from(const Result& result) {
  Answer out;
  if (!result.ok()) {
    out.transport = result.error;
    return out;
  }
  out.http = result.value.at("status").get<int>();
  const auto& raw = result.value.at("body").get_ref<const std::string&>();
  out.body = parse_json(raw);
  if (out.body.is_discarded()) out.body = nullptr;
  const Json headers = result.value.value("headers", Json::object());
  out.request_id = headers.value("fly-request-id", "");
  int seconds = 0;
  const auto wait = headers.value("retry-after", "");
  if (std::from_chars(wait.data(), wait.data() + wait.size(), seconds).ec == std::errc() && seconds >= 0)
    out.retry_after = std::chrono::seconds(std::min(seconds, 3600));
  if (out.ok()) return out;
  for (const char* key : {"error", "message"}) {
    if (out.text.empty()) out.text = text_of(out.body, key);
  }
  if (out.text.empty() && !out.body.is_object()) out.text = raw;
  out.text = shortened(out.text);
  out.code = text_of(out.body, "status");
  return out;
}

bool Answer::doubtful() const {
  if (http == 0) return !transport.never_arrived();
  return http == 408 || (http >= 500 && !no_capacity());
}

Error explain(const Answer& answer, const Attempt& attempt, const Settings& settings) {
  const auto where = "Fly app " + settings.app + ": cannot " + attempt.what;
  if (answer.http == 0) {
    Error out = answer.transport;
    if (out.status == Status::cancelled) return out;
    out.status = attempt.changes && answer.doubtful() ? Status::unknown : Status::transient;
    out.message = where + ": " + settings.api + " does not answer: " + out.message;
    return out;
  }
  const auto judged = judge(answer, attempt, settings);
  Error out{judged.status, where + ": " + judged.says, judged.hint, judged.kind, answer.retry_after};
  out.message += " (HTTP " + std::to_string(answer.http) + (answer.text.empty() ? "" : ": " + answer.text) + ")";
  if (!answer.request_id.empty() && answer.http >= 500) out.message += ", fly-request-id " + answer.request_id;
  return out;
}

}  // namespace flyio_plugin
