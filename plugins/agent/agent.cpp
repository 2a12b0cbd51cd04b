#include "agent.hpp"

#include "understudy/json.hpp"

namespace agent_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis one_answer{10'000}, secret_budget{10'000};
constexpr int most_of_it = 64 * 1024;  // bytes of an answer

}  // namespace

Place place_of(const Envelope& envelope) {
  const auto& s = envelope.settings;
  Place out{s.at("url").get<std::string>(), s.value("ca_file", ""), s.value("service", envelope.service)};
  while (!out.url.empty() && out.url.back() == '/') out.url.pop_back();
  if (out.url.rfind("http://", 0) != 0 && out.url.rfind("https://", 0) != 0)
    throw Failure(Status::invalid, "`url` must begin with http:// or https://", "as in \"http://10.0.0.2:8760\"");
  return out;
}

Json health_request(const Place& place) {
  Json out = {{"url", place.url + "/health"}, {"max_body", most_of_it}};
  if (!place.ca_file.empty()) out["ca_file"] = place.ca_file;
  return out;
}

std::string stranger(const Place& place, const std::string& service) {
  if (place.service.empty() || service == place.service) return {};
  return "the agent at " + place.url + " is that of the service \"" + service + "\", not of \"" + place.service + "\"";
}

Agent::Answer Agent::exchange(Json request, const Deadline& deadline) {
  if (!place_.ca_file.empty()) request["ca_file"] = place_.ca_file;
  request["max_body"] = most_of_it;
  const auto result = host_.blocking("http.request/1", request, std::min(one_answer, deadline.left()));
  if (!result.ok()) {
    Error error = result.error;
    error.message = "the agent at " + place_.url + " does not answer: " + error.message;
    throw Failure(error);
  }
  return {result.value.at("status").get<int>(), parse_json(result.value.value("body", ""))};
}

/// The key is asked for each time: it may have been changed.
Agent::Answer Agent::with_key(Json request, const Deadline& deadline) {
  const auto key = host_.blocking("secret.get/1", {{"key", key_name_}}, std::min(secret_budget, deadline.left()));
  if (!key.ok())
    throw Failure(Error{Status::denied, "`api_key` is missing: " + key.error.message, key.error.hint, {}, {}});
  request["headers"]["X-API-Key"] = key.value.at("value");
  return exchange(std::move(request), deadline);
}

Report Agent::health(const Deadline& deadline) {
  const auto answer = exchange({{"url", place_.url + "/health"}}, deadline);
  const auto report = read_report(answer.body);
  if (!report && answer.status >= 500)  // a proxy before an agent that is down
    throw Failure(Status::transient,
                  "the agent at " + place_.url + " does not answer: HTTP " + std::to_string(answer.status));
  if (!report)
    throw Failure(Status::invalid,
                  place_.url + "/health answers HTTP " + std::to_string(answer.status) + ", and not as an agent does",
                  "is `url` the address of an `understudy agent`?");
  if (const auto why = stranger(place_, report->service); !why.empty())
    throw Failure(Status::invalid, why, "is `url` right? or set `service` to what its agent.toml says");
  return *report;
}

void Agent::try_key(const Deadline& deadline) {
  const auto answer = with_key({{"url", place_.url + "/metrics"}}, deadline);
  if (answer.status == 401 || answer.status == 403) refused("/metrics", answer);
}

void Agent::refused(const char* path, const Answer& answer) const {
  const auto said = read_refusal(answer.body);
  const std::string http = "HTTP " + std::to_string(answer.status);
  const std::string message = std::string("the agent at ") + place_.url + " refuses " + path + ": " +
                              (said.message.empty() ? http : said.message);
  if (answer.status == 401 || answer.status == 403)
    throw Failure(Status::denied, message, "`api_key` must be that of [agent] in the agent's file");
  if (answer.status == 409) throw Failure(Status::conflict, message, said.hint);
  // In the agent's own words it is a refusal; else it may come from a proxy that passed it on.
  if (answer.status >= 500 && said.code.empty()) throw Failure(Status::unknown, message, "see the agent's log");
  if (answer.status >= 500 || answer.status == 429)
    throw Failure(Error{Status::transient, message, said.hint, said.code, {}});
  if (said.code.empty()) throw Failure(Status::invalid, message, "is `url` the address of an `understudy agent`?");
  throw Failure(Status::invalid, message, said.hint);
}

std::string Agent::order(const char* path, const Json& body, const Deadline& deadline) {
  Json request = {{"url", place_.url + path}, {"method", "POST"}, {"headers", {{"Content-Type", "application/json"}}}};
  request["body"] = body.dump();
  request["fresh"] = true;  // a kept connection that was just closed would leave it in doubt
  Answer answer;
  try {
    answer = with_key(std::move(request), deadline);
  } catch (const Failure& failure) {
    Error error = failure.error();
    if (error.status == Status::transient && !error.never_arrived()) error.status = Status::unknown;
    throw Failure(error);
  }
  if (answer.status < 200 || answer.status > 299) refused(path, answer);
  return instance_in(answer.body);
}

std::string Agent::activate(const ActivateRequest& request, const Deadline& deadline) {
  Json body = {{"epoch", request.epoch}, {"operation", request.operation}, {"snapshot", request.snapshot}};
  if (!store_.empty()) body["store"] = store_;
  return order("/activate", body, deadline);
}

std::string Agent::deactivate(const DeactivateRequest& request, const Deadline& deadline) {
  return order(
      "/deactivate",
      {{"epoch", request.epoch}, {"operation", request.operation}, {"grace_ms", request.grace.count()}, {"push", true}},
      deadline);
}

void pause(Host& host, Millis time) {
  const auto rung = host.blocking("timer.after/1", {{"ms", time.count()}}, time + Millis(5'000));
  if (rung.error.status == Status::cancelled) throw Failure(rung.error);
}

}  // namespace agent_plugin
