#include "notifier.hpp"

#include <algorithm>

#include "signature.hpp"

namespace webhook_plugin {
namespace {

using namespace understudy::sdk;
using Clock = std::chrono::steady_clock;

Millis left(Clock::time_point deadline) {
  return std::max(std::chrono::duration_cast<Millis>(deadline - Clock::now()), Millis(1));
}

/// Of a header: visible ASCII. Ids are that anyway; an odd one stays distinct.
std::string header_id(const std::string& id) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : id) {
    if (c > 0x20 && c < 0x7F && c != '%') {
      out += static_cast<char>(c);
    } else {
      out += {'%', hex[c >> 4], hex[c & 15]};
    }
  }
  return out;
}

}  // namespace

void Notifier::send(const Alert& alert, Reply<Receipt> reply) {
  // A little less than we were given, or a timeout of ours and of the caller's would race.
  const auto deadline = Clock::now() + reply.budget() - std::min(reply.budget() / 10, Millis(100));
  worker_.answer(std::move(reply), [this, alert, deadline] { return deliver(alert, deadline); });
}

Receipt Notifier::deliver(const Alert& alert, Deadline deadline) {
  Circumstances how;
  const auto url = resolved(settings_.url, "url", deadline, how.discreet);
  how.discreet.hide_url(url);
  const auto message = compose(settings_, url, alert);
  Json ask = settings_.tls;
  ask["url"] = message.url;
  ask["method"] = "POST";
  ask["body"] = message.body;
  ask["headers"] = headers(alert, deadline, how.discreet);
  ask["want"] = {"headers"};
  ask["max_body"] = 64 * 1024;
  if (settings_.bearer.set()) ask["bearer"] = resolved(settings_.bearer, "bearer", deadline, how.discreet);
  how.now_ms = now_ms(deadline);
  if (settings_.signing_secret.set()) {
    const auto secret = resolved(settings_.signing_secret, "signing_secret", deadline, how.discreet);
    ask["headers"]["X-Understudy-Signature"] = signature(secret, how.now_ms / 1000, message.body);
  }
  how.format = settings_.format;
  how.https = url.rfind("https://", 0) == 0;
  how.has_bearer = settings_.bearer.set();
  how.is_signed = settings_.signing_secret.set();
  return judge(host_.blocking("http.request/1", ask, std::min(left(deadline), settings_.timeout)), how);
}

std::string Notifier::resolved(const Value& value, const char* what, Deadline deadline, Discreet& discreet) {
  if (value.secret_key.empty()) return value.text;
  const auto text =
      host_.blocking("secret.get/1", {{"key", value.secret_key}}, left(deadline)).get().value("value", "");
  if (!is_header_value(text))
    throw Failure(Status::invalid, "the secret for " + std::string(what) + " holds a line break or control character",
                  "write it on one line");
  discreet.hide(text);
  return text;
}

Json Notifier::headers(const Alert& alert, Deadline deadline, Discreet& discreet) {
  Json out = {{"Content-Type", "application/json"}, {"Idempotency-Key", header_id(told_id(alert))}};
  for (const auto& [name, text] : settings_.headers) out[name] = text;
  for (const auto& [name, value] : settings_.secret_headers)
    out[name] = resolved(value, ("the header " + name).c_str(), deadline, discreet);
  return out;
}

std::int64_t Notifier::now_ms(Deadline deadline) {
  return host_.blocking("clock.now/1", Json::object(), left(deadline)).get().value("wall_ms", std::int64_t{0});
}

}  // namespace webhook_plugin
