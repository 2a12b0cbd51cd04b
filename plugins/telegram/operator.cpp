#include "operator.hpp"

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

std::string listed(const Json& services) {
  std::string out;
  if (!services.is_array()) return out;
  for (const auto& name : services) {
    if (name.is_string()) out += (out.empty() ? "" : ", ") + name.get<std::string>();
  }
  return out;
}

Outcome done(const Json& reply) {
  Outcome out;
  out.done = true;
  out.text = reply.value("text", "");
  out.index = reply.value("index", std::int64_t{-1});
  out.target = reply.value("target", "");
  if (out.text.empty()) {
    const auto services = listed(reply.value("services", Json()));
    out.text = services.empty() ? "Done." : "Services: " + services;
  }
  return out;
}

std::string sentence(const Error& error) {
  switch (error.status) {
    case Status::unsupported: return "Commands are not available: this Understudy does not offer them to plugins.";
    case Status::conflict: return "Nothing was done: " + error.message;
    case Status::denied: return "Refused: " + error.message;
    case Status::invalid: return error.message;
    case Status::unknown: return "It is not certain what happened: " + error.message + ". See /status.";
    default: return "That did not work: " + error.message;
  }
}

}  // namespace

void ask(Host& host, const Wish& wish, Millis budget, std::function<void(const Outcome&)> then) {
  Json params = {{"action", wish.action},
                 {"service", wish.service},
                 {"target", wish.target},
                 {"incident", wish.incident},
                 {"by", wish.by}};
  if (wish.expect_index >= 0) params["expect_index"] = wish.expect_index;
  host.call("operator.request/1", params, budget, [then = std::move(then)](const Result& result) {
    if (result.ok()) return then(done(result.value));
    Outcome out;
    out.text = sentence(result.error);
    if (!result.error.hint.empty() && result.error.status != Status::unsupported) out.text += "\n" + result.error.hint;
    then(out);
  });
}

}  // namespace telegram_plugin
