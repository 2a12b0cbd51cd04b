#include "core/runtime/secret_services.hpp"

#include <nlohmann/json.hpp>

namespace understudy::runtime {
namespace {

using sdk::Json;
using Kind = config::SecretRef::Kind;
constexpr auto kept_for = std::chrono::minutes(10);
constexpr auto tried_again_after = std::chrono::minutes(1);
constexpr Millis refresh_budget{30'000};
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
  for (auto& [ticket, done] : std::exchange(waiting_, {}))
    done({{}, {sdk::Status::cancelled, "Understudy is shutting down", {}, "cancelled", {}}});
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

/// `done` gets the value as text, or what went wrong.
void SecretServices::ask(const config::SecretRef& ref, Millis budget, plugins::Instance::Done done) {
  auto from = source(ref.source);
  if (auto* error = std::get_if<plugins::LoadError>(&from))
    return done({{}, {sdk::Status::invalid, error->message, error->hint, "secret", {}}});
  std::get<plugins::Instance*>(from)->call(
      "secret.fetch/1", {{"name", ref.name}}, budget,
      [this, done = std::move(done), key = ref.source + " " + ref.name,
       alive = std::weak_ptr(alive_)](sdk::Result result) {
        if (alive.expired()) return;
        if (!result.ok()) {
          result.error.kind = "secret";
          return done(std::move(result));
        }
        const auto value = result.value.find("value");
        if (value == result.value.end() || !value->is_string())
          return done({{}, {sdk::Status::invalid, "the source answered without a value", {}, "secret", {}}});
        log_.add_secret(value->get<std::string>());
        kept_[key] = {value->get<std::string>(), std::chrono::steady_clock::now() + kept_for};
        done({{{"value", *value}}});
      });
}

void SecretServices::refresh(const config::SecretRef& ref, const std::string& key) {
  kept_[key].next = std::chrono::steady_clock::now() + tried_again_after;
  ask(ref, refresh_budget, [this, name = ref.name](const sdk::Result& result) {
    if (!result.ok())
      log_.write(host::Level::warning, "secrets",
                 name + ": the value that was read before is used on: " + result.error.message);
  });
}

host::Services::Ticket SecretServices::fetch(const config::SecretRef& ref, host::ServiceCall call) {
  const std::string key = ref.source + " " + ref.name;
  if (const auto kept = kept_.find(key); kept != kept_.end()) {
    const bool old = std::chrono::steady_clock::now() >= kept->second.next;
    call.done({{{"value", kept->second.value}}});
    if (old) refresh(ref, key);
    return 0;
  }
  const auto ticket = next_++;
  waiting_.emplace(ticket, std::move(call.done));
  ask(ref, call.budget, [this, ticket](const sdk::Result& result) { answer(ticket, result); });
  return waiting_.contains(ticket) ? ticket : 0;
}

void SecretServices::answer(Ticket ticket, sdk::Result result) {
  auto node = waiting_.extract(ticket);
  if (!node.empty()) node.mapped()(std::move(result));
}

}  // namespace understudy::runtime
