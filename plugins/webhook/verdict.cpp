#include "verdict.hpp"

#include "text.hpp"

namespace webhook_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t excerpt_bytes = 200, receipt_bytes = 200;

/// A few words of what the server says; not of a web page.
std::string excerpt(const Json& reply, const Circumstances& how) {
  const auto body = how.discreet(one_line(reply.value("body", "")));
  if (body.empty() || body.front() == '<') return {};
  return ": " + cut(body, excerpt_bytes);
}

[[noreturn]] void no_answer(const Error& error, const Circumstances& how) {
  Error out = error;
  out.message = "the webhook does not answer: " + how.discreet(error.message);
  if (error.never_arrived()) {
    out.status = Status::transient;
    if (error.kind == "resolve") out.hint = "check the host name in url, and this machine's name server";
  } else if (error.status == Status::transient || error.status == Status::cancelled) {
    out.status = Status::unknown;
    out.hint = "it may have taken the alert: when it comes again, its idempotency key is the same";
  }
  throw Failure(out);
}

std::string hint_denied(const Circumstances& how) {
  if (how.format == Format::slack)
    return "the webhook was revoked or its app removed: make a new one and put it into url";
  if (how.has_bearer) return "check bearer: is the token still valid, and may it write there?";
  if (how.format == Format::ntfy) return "the topic is protected: set bearer to an access token that may write to it";
  if (how.is_signed) return "check signing_secret on both sides, and that the clocks agree";
  return "it wants credentials: bearer, secret_headers or signing_secret";
}

std::string hint_invalid(int status, const Circumstances& how) {
  if (status == 404 || status == 410) {
    return how.format == Format::slack ? "the webhook or its channel is gone: make a new one and put it into url"
                                       : "nothing is there: check url";
  }
  if (status == 405) return "it takes no POST: check url";
  if (status == 413) return "the alert is larger than it takes";
  if (how.format == Format::json) return "does it expect the body that docs/plugins/webhook.md describes?";
  return how.format == Format::slack ? "is url an incoming webhook of Slack?" : "is url a server of ntfy?";
}

[[noreturn]] void redirected(int status, const Json& reply, const Circumstances& how) {
  const auto where = reply.value("headers", Json::object()).value("location", "");
  const bool to_https = !how.https && where.rfind("https://", 0) == 0;
  throw Failure(Status::invalid,
                "the webhook answers " + std::to_string(status) + ", a redirect, which is not followed",
                to_https ? "it wants https: write the url with https://" : "write the final address into url");
}

[[noreturn]] void busy(int status, const Json& reply, const Circumstances& how) {
  Error out{Status::transient, "the webhook answers " + std::to_string(status) + excerpt(reply, how), {}, {}, {}};
  if (status == 429) out.hint = "too many alerts for it: throttle or group them in the route";
  out.retry_after = retry_after(reply.value("headers", Json::object()).value("retry-after", ""), how.now_ms);
  throw Failure(out);
}

Receipt receipt(const Json& reply) {
  const Json body = parse_json(reply.value("body", ""));
  if (!body.is_object() || !body.contains("id")) return {};
  const auto& id = body.at("id");
  if (id.is_number_integer()) return {id.dump(), Json::object()};
  return {id.is_string() ? cut(one_line(id.get<std::string>()), receipt_bytes) : "", Json::object()};
}

}  // namespace

Receipt judge(const Result& result, const Circumstances& how) {
  if (!result.ok()) no_answer(result.error, how);
  const auto& reply = result.value;
  const int status = reply.value("status", 0);
  if (status >= 200 && status < 300) return receipt(reply);
  if (status >= 300 && status < 400) redirected(status, reply, how);
  if (status == 408 || status == 429 || status >= 500) busy(status, reply, how);
  const auto what = "the webhook answers " + std::to_string(status) + excerpt(reply, how);
  if (status == 401 || status == 403) throw Failure(Status::denied, what, hint_denied(how));
  if (status >= 400) throw Failure(Status::invalid, what, hint_invalid(status, how));
  throw Failure(Status::unknown, "the webhook's answer makes no sense: HTTP " + std::to_string(status));
}

}  // namespace webhook_plugin
