#include "core/runtime/secret_services.hpp"

#include <nlohmann/json.hpp>

namespace understudy::runtime {
namespace {

using sdk::Json;
using Kind = config::SecretRef::Kind;
constexpr auto kept_for = std::chrono::minutes(10);
constexpr host::Services::Ticket own = host::Services::Ticket{1} << 63;  // tells our tickets from those behind us

const config::SecretRef* fetched_secret(const host::ServiceCall& call) {
  if (call.method != "secret.get/1" || call.caller == nullptr) return nullptr;
  const auto it = call.caller->secrets.find(call.params.value("key", ""));
  return it != call.caller->secrets.end() && it->second.kind == Kind::fetched ? &it->second : nullptr;
}

}  // namespace

SecretServices::SecretServices(boost::asio::io_context& loop, host::Logger& log, host::Services& behind,
                               plugins::Registry& registry, const std::map<std::string, config::PluginUse>& sources)
    : loop_(loop), log_(log), behind_(behind), registry_(registry), uses_(sources), next_(own + 1) {}

SecretServices::~SecretServices() {
  alive_.reset();
  sources_.clear();
  for (auto& [ticket, waiting] : std::exchange(waiting_, {}))
    waiting.done({{}, {sdk::Status::cancelled, "Understudy is shutting down", {}, "cancelled", {}}});
}

host::Services::Ticket SecretServices::start(host::ServiceCall call) {
  const auto* ref = fetched_secret(call);
  return ref == nullptr ? behind_.start(std::move(call)) : fetch(*ref, std::move(call));
}

void SecretServices::cancel(Ticket ticket) {
  if ((ticket & own) == 0) return behind_.cancel(ticket);
  answer(ticket, {{}, {sdk::Status::cancelled, "cancelled", {}, {}, {}}});
}

std::variant<plugins::Instance*, plugins::LoadError> SecretServices::source(const std::string& name) {
  if (const auto it = sources_.find(name); it != sources_.end()) return it->second.get();
  // Its own secrets come from where everything comes from: a source that needs a source is refused by the reader.
  auto made = registry_.make({loop_, behind_, log_}, uses_.at(name), "secrets", "secrets/" + name, "", "");
  if (auto* error = std::get_if<plugins::LoadError>(&made)) return std::move(*error);
  auto& instance = sources_[name] = std::move(std::get<std::unique_ptr<plugins::Instance>>(made));
  return instance.get();
}

host::Services::Ticket SecretServices::fetch(const config::SecretRef& ref, host::ServiceCall call) {
  const std::string key = ref.source + " " + ref.name;
  const auto kept = kept_.find(key);
  if (kept != kept_.end() && std::chrono::steady_clock::now() - kept->second.at < kept_for) {
    call.done({{{"value", kept->second.value}}});
    return 0;
  }
  auto from = source(ref.source);
  if (auto* error = std::get_if<plugins::LoadError>(&from)) {
    call.done({{}, {sdk::Status::invalid, error->message, error->hint, "secret", {}}});
    return 0;
  }
  const auto ticket = next_++;
  waiting_.emplace(ticket, Waiting{key, std::move(call.done)});
  std::get<plugins::Instance*>(from)->call("secret.fetch/1", {{"name", ref.name}}, call.budget,
                                           [this, ticket, alive = std::weak_ptr(alive_)](sdk::Result result) {
                                             if (!alive.expired()) fetched(ticket, std::move(result));
                                           });
  return waiting_.contains(ticket) ? ticket : 0;
}

void SecretServices::fetched(Ticket ticket, sdk::Result result) {
  const auto it = waiting_.find(ticket);
  if (it == waiting_.end()) return;
  const auto kept = kept_.find(it->second.key);
  if (result.ok()) {
    auto value = result.value.value("value", "");
    log_.add_secret(value);
    kept_[it->second.key] = {value, std::chrono::steady_clock::now()};
    return answer(ticket, {{{"value", std::move(value)}}});
  }
  if (kept == kept_.end()) {
    result.error.kind = "secret";
    return answer(ticket, std::move(result));
  }
  log_.write(host::Level::warning, "secrets", "the value that was read before is used on: " + result.error.message);
  answer(ticket, {{{"value", kept->second.value}}});
}

void SecretServices::answer(Ticket ticket, sdk::Result result) {
  auto node = waiting_.extract(ticket);
  if (!node.empty()) node.mapped().done(std::move(result));
}

}  // namespace understudy::runtime
