#include "core/plugins/host_calls.hpp"

#include <algorithm>

#include "understudy/json.hpp"

namespace understudy::plugins {
namespace {

/// Beyond it, arithmetic with clocks could overflow.
constexpr Millis longest_call{std::chrono::hours(24 * 365)};

/// Under way for one instance. Each may hold a socket, a process and what it answers.
constexpr std::size_t most_calls = 1024;

/// Every text in it, before quotes and line ends are escaped.
void redact_texts(const host::Logger& log, sdk::Json& value) {
  if (value.is_string()) {
    value = log.redact(value.get<std::string>());
  } else if (value.is_structured()) {
    for (auto& inner : value) redact_texts(log, inner);
  }
}

}  // namespace

HostCalls::HostCalls(const Registry::Wiring& wiring, host::Caller caller, Reply reply, Item item)
    : wiring_(wiring), reply_(std::move(reply)), item_(std::move(item)), state_(std::make_shared<State>()) {
  state_->caller = std::move(caller);
}

void HostCalls::serve(us_op op, std::string_view method, std::string_view params, Millis budget) {
  host::ServiceCall call;
  call.caller = &state_->caller;  // kept by `done`
  call.method = method;
  call.params = sdk::read_json(params);
  call.budget = std::clamp(budget, Millis(1), longest_call);
  call.done = [this, state = state_, op](const sdk::Result& result) {
    state->tickets.erase(op);
    if (!state->open) return;
    reply_(op, static_cast<std::int32_t>(result.error.status),
           result.ok() ? sdk::write_json(result.value) : sdk::write_json(result.error.to_json()));
  };
  if (!call.params.is_object()) {
    const char* why = params.empty() ? "params are empty, or larger than 4 MiB" : "params are not a JSON object";
    return call.done({{}, {sdk::Status::invalid, why, {}, {}, {}}});
  }
  if (state_->tickets.size() >= most_calls) {
    return call.done({{}, {sdk::Status::transient, "too many calls of this plugin are under way", {}, "busy", {}}});
  }
  if (call.params.contains("stream")) {
    const char* topic = method == "process.run/1" ? "process.item" : "http.item";
    call.on_item = [this, state = state_, op, topic](const sdk::Json& item) {
      if (!state->open) return;
      sdk::Json body = item;
      body["op"] = op;
      item_(topic, sdk::write_json(body));
    };
  }
  if (!state_->tickets.emplace(op, 0).second)
    return wiring_.log.write(host::Level::warning, state_->caller.instance, "called the host twice with one number");
  const auto state = state_;  // an answer inside start() may close us
  const auto done = call.done;
  try {
    const auto ticket = wiring_.services.start(std::move(call));
    if (const auto it = state->tickets.find(op); it != state->tickets.end()) it->second = ticket;
  } catch (const sdk::Json::exception& e) {  // what a plugin asks with the wrong types throws where it is read
    if (state->tickets.contains(op))
      done({{}, {sdk::Status::invalid, std::string("params of the wrong type: ") + e.what(), {}, {}, {}}});
  } catch (const std::exception& e) {  // nothing of what a plugin asks for may end the core
    if (state->tickets.contains(op)) done({{}, {sdk::Status::unknown, e.what(), {}, {}, {}}});
  }
}

void HostCalls::cancel(us_op op) {
  if (const auto it = state_->tickets.find(op); it != state_->tickets.end() && it->second != 0)
    wiring_.services.cancel(it->second);
}

void HostCalls::close() {
  if (!std::exchange(state_->open, false)) return;
  const auto tickets = std::exchange(state_->tickets, {});
  for (const auto& [op, ticket] : tickets) {
    if (ticket != 0) wiring_.services.cancel(ticket);
  }
}

void HostCalls::reopen() {
  close();
  auto fresh = std::make_shared<State>();
  fresh->caller = state_->caller;
  state_ = std::move(fresh);
}

void HostCalls::notified(std::string_view topic, std::string_view text) {
  const auto params = sdk::read_json(text);
  if (!params.is_object()) return;
  try {
    if (topic == "log") return write_log(params);
    if (on_notify_) on_notify_(topic, params);
  } catch (const sdk::Json::exception& e) {
    wiring_.log.write(host::Level::warning, state_->caller.instance,
                      "sent a message of the wrong types: " + std::string(e.what()));
  }
}

void HostCalls::write_log(const sdk::Json& params) {
  const auto name = params.value("level", "info");
  const auto level = name == "debug"     ? host::Level::debug
                     : name == "warning" ? host::Level::warning
                     : name == "error"   ? host::Level::error
                                         : host::Level::info;
  if (!wiring_.log.enabled(level)) return;
  if (log_budget_ != nullptr && !log_budget_->take(std::chrono::steady_clock::now())) return;
  auto fields = params.value("fields", sdk::Json::object());
  redact_texts(wiring_.log, fields);
  wiring_.log.write_raw(level, state_->caller.instance, params.value("message", ""),
                        fields.empty() ? std::string() : sdk::write_json(fields));
}

}  // namespace understudy::plugins
