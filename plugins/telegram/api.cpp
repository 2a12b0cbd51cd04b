#include "api.hpp"

#include <algorithm>
#include <cctype>

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis secret_budget{5'000};
constexpr std::size_t largest_answer = 4 * 1024 * 1024;  // a hundred updates

/// It becomes part of a path.
bool well_formed(const std::string& token) {
  return !token.empty() && std::ranges::all_of(token, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == ':' || c == '_' || c == '-';
  });
}

Answer refused(Status status, std::string message, std::string hint) {
  Answer out;
  out.error = {status, std::move(message), std::move(hint), {}, {}};
  return out;
}

}  // namespace

void Api::start(const std::string& method, const Json& params, Millis budget, Done done) {
  const auto ask = [this, method, body = params.dump(-1, ' ', false, Json::error_handler_t::replace), budget,
                    done = std::move(done)](const Result& secret) {
    if (!secret.ok()) {
      Answer out;
      out.error = secret.error;
      return done(out);
    }
    const auto token = secret.value.value("value", "");
    if (!well_formed(token)) {
      return done(refused(Status::invalid, "the bot's token is not of the form 123456:ABC-def",
                          "copy it from @BotFather (/token) to where `token` points"));
    }
    const Json request = {{"url", settings_.api + "/bot" + token + "/" + method},
                          {"method", "POST"},
                          {"headers", {{"Content-Type", "application/json"}}},
                          {"body", body},
                          {"max_body", largest_answer},
                          {"timeout_ms", budget.count()}};
    host_.call("http.request/1", request, budget,
               [method, token, done](const Result& http) { done(read_answer(method, http, token)); });
  };
  host_.call("secret.get/1", {{"key", settings_.token_key}}, secret_budget, ask);
}

Answer Api::call(const std::string& method, const Json& params, Millis budget) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto future = promise->get_future();
  start(method, params, budget, [promise](const Answer& answer) { promise->set_value(answer); });
  return future.get();
}

}  // namespace telegram_plugin
