#include "core/runtime/live_check.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include "core/answers/health.hpp"
#include "core/answers/store.hpp"
#include "core/answers/target.hpp"
#include "core/host/log.hpp"
#include "core/host/real_services.hpp"
#include "core/runtime/secret_services.hpp"

namespace understudy::runtime {
namespace {

using sdk::Json;
using Level = Finding::Level;
using Kind = config::SecretRef::Kind;
constexpr Millis observe_budget{15'000};
constexpr Millis diagnose_budget{60'000};
constexpr Millis list_budget{30'000};
constexpr Millis secret_budget{15'000};
constexpr Millis network_budget{5'000};

// ---- what an answer means ---------------------------------------------------------------------------------------

Finding refused(Finding about, const sdk::Error& error) {
  about.level = Level::failed;
  about.message = error.message;
  about.hint = error.hint;
  return about;
}

Finding of_observe(Finding about, const Json& answer) {
  const auto seen = answers::observed(answer);
  about.level = seen.state == "unknown" ? Level::warning : Level::ok;
  about.message = seen.state;
  if (seen.epoch) about.message += fmt::format(" (epoch {})", seen.epoch->value);
  if (!seen.detail.empty()) about.message += ": " + seen.detail;
  return about;
}

std::vector<Finding> of_diagnose(const Finding& about, const Json& answer) {
  std::vector<Finding> out;
  for (const auto& problem : answers::problems(answer)) {
    out.push_back(about);
    out.back().level = problem.warning ? Level::warning : Level::failed;
    out.back().message = problem.message;
    out.back().hint = problem.hint;
  }
  if (out.empty()) {
    out.push_back(about);
    out.back().message = "nothing is in the way";
  }
  return out;
}

/// `must_pass`: the workload runs there, or the check tells of the place and not of the workload.
Finding of_check(Finding about, const Json& answer, bool must_pass, const std::string& state) {
  const auto report = answers::check(answer);
  about.message = answer.value("outcome", "unknown") + (report.cause.empty() ? "" : ": " + report.cause);
  if (report.outcome == Outcome::pass) return about;
  const bool failed = report.outcome == Outcome::fail;
  about.level = failed && report.verdict ? Level::failed : Level::warning;
  if (must_pass || !failed) return about;
  about.level = state == "unknown" ? Level::warning : Level::ok;
  about.message += state == "unknown" ? " (it could not be told whether the target runs)"
                                      : " (as it should be: the target is " + state + ")";
  return about;
}

Finding of_list(Finding about, const Json& answer) {
  const auto all = answers::snapshots(answer);
  const auto damaged = std::ranges::count(all, false, &SnapshotInfo::valid);
  about.message = all.empty() ? "no snapshot yet"
                              : fmt::format("{} snapshot{}, the newest {}", all.size(), all.size() == 1 ? "" : "s",
                                            all.front().id.value);
  if (damaged == 0) return about;
  about.level = Level::warning;
  about.message += fmt::format("; {} damaged", damaged);
  about.hint = "`understudy snapshot list` names them";
  return about;
}

/// Of the target that a check is of, as far as it could be told.
std::string state_in(const std::optional<sdk::Result>& seen) {
  if (!seen || !seen->ok()) return "unknown";
  const auto it = seen->value.find("state");
  return it != seen->value.end() && it->is_string() ? it->get<std::string>() : "unknown";
}

std::string name_of(const config::SecretRef& ref) {
  switch (ref.kind) {
    case Kind::env: return "env " + ref.name;
    case Kind::file: return "file " + ref.name;
    case Kind::credential: return "credential " + ref.name;
    case Kind::fetched: return ref.source + " " + ref.name;
    case Kind::literal: break;
  }
  return {};
}

// ---- asking -----------------------------------------------------------------------------------------------------

/// One question and its answer. Health is judged when all is known: it matters whether its target runs.
struct Asked {
  enum class What { secret, observe, diagnose, check, ready, list } what = What::observe;
  Finding about;
  const Asked* observed = nullptr;  ///< of a check: its target's
  std::function<void()> put;        ///< none: what was to be asked could not be made, and that is the answer
  std::optional<sdk::Result> answer;
};

class LiveCheck {
 public:
  LiveCheck(const config::Config& config, plugins::Registry& registry)
      : config_(config),
        registry_(registry),
        log_("error", "text"),
        real_(host::make_services(loop_, log_)),
        services_(loop_, log_, *real_, registry, config.secret_sources) {}

  std::vector<Finding> run() {
    ask_secrets();
    for (std::size_t i = 0; i < config_.orchestrator.reference.size(); ++i) {
      const auto& use = config_.orchestrator.reference[i];
      ask(Asked::What::ready, "network", fmt::format("reference[{}] ({})", i, use.plugin),
          make(use, "health", fmt::format("network/reference[{}]", i), "", ""), "health.check/1",
          {{"timeout_ms", network_budget.count()}}, network_budget);
    }
    for (const auto& service : config_.services) ask_service(service);
    // Only now: making an isolated plugin waits for its process, and a question under way would lose its time to that.
    for (const auto& asked : asked_) {
      if (asked.put) asked.put();
    }
    while (waiting_ > 0 && loop_.run_one() > 0) {
    }
    std::vector<Finding> out;
    for (const auto& asked : asked_) {
      for (auto& finding : judge(asked)) out.push_back(clean(std::move(finding)));
    }
    return out;
  }

 private:
  using Made = std::variant<std::unique_ptr<plugins::Instance>, plugins::LoadError>;

  Made make(const config::PluginUse& use, const std::string& interface_name, const std::string& name,
            const std::string& service, const std::string& target) {
    return registry_.make({loop_, services_, log_}, use, interface_name, name, service, target);
  }

  Asked& remember(Asked::What what, std::string kind, std::string name) {
    auto& out = asked_.emplace_back();
    out.what = what;
    out.about.kind = std::move(kind);
    out.about.name = std::move(name);
    return out;
  }

  /// How to take the answer that is waited for from now on.
  plugins::Instance::Done answer_of(Asked& asked) {
    ++waiting_;
    return [this, &asked](sdk::Result result) {
      asked.answer = std::move(result);
      --waiting_;
    };
  }

  void call(Asked& asked, plugins::Instance& instance, std::string_view method, const Json& params, Millis budget) {
    asked.put = [this, &asked, &instance, method, params, budget] {
      instance.call(method, params, budget, answer_of(asked));
    };
  }

  /// What an instance that is made for this is to be asked; what cannot be made is an answer too. Null then.
  std::pair<Asked*, plugins::Instance*> ask(Asked::What what, std::string kind, std::string name, Made made,
                                            std::string_view method, const Json& params, Millis budget) {
    auto& asked = remember(what, std::move(kind), std::move(name));
    if (auto* error = std::get_if<plugins::LoadError>(&made)) {
      asked.answer = sdk::Result{{}, {sdk::Status::invalid, error->message, error->hint, {}, {}}};
      return {&asked, nullptr};
    }
    auto& instance = *instances_.emplace_back(std::move(std::get<std::unique_ptr<plugins::Instance>>(made)));
    call(asked, instance, method, params, budget);
    return {&asked, &instance};
  }

  void ask_service(const config::Service& service) {
    for (const auto& target : service.targets) ask_target(service, target);
    if (!service.state) return;
    ask(Asked::What::list, "state", fmt::format("{} ({})", service.id.value, service.state->store.plugin),
        make(service.state->store, "state", service.id.value + "/state", service.id.value, ""), "store.list/1",
        {{"service", service.id.value}}, list_budget);
  }

  void ask_target(const config::Service& service, const config::Target& target) {
    const auto name = service.id.value + "/" + target.id.value;
    const Json where = {{"service", service.id.value}, {"target", target.id.value}};
    const auto [observed, instance] =
        ask(Asked::What::observe, "target", fmt::format("{} ({})", name, target.use.plugin),
            make(target.use, "target", name, service.id.value, target.id.value), "standby.observe/1", where,
            observe_budget);
    if (instance != nullptr && instance->offers("target.diagnose/1"))
      call(remember(Asked::What::diagnose, "diagnosis", name), *instance, "target.diagnose/1", where, diagnose_budget);
    const Millis timeout = (target.detect ? *target.detect : service.detect).timeout;
    const auto checks = [&](Asked::What what, const std::string& kind, const std::vector<config::PluginUse>& uses) {
      for (std::size_t i = 0; i < uses.size(); ++i) {
        const auto asked =
            ask(what, kind, fmt::format("{}[{}] ({})", name, i, uses[i].plugin),
                make(uses[i], "health", fmt::format("{}/{}[{}]", name, kind, i), service.id.value, target.id.value),
                "health.check/1", {{"timeout_ms", timeout.count()}}, timeout);
        asked.first->observed = observed;
      }
    };
    checks(Asked::What::check, "health", target.health);
    checks(Asked::What::ready, "ready", target.ready);
  }

  // Every secret once, whoever needs it.
  void ask_secrets() {
    for (const auto& [name, use] : config_.secret_sources) secrets_of(use);
    for (const auto& use : config_.orchestrator.reference) secrets_of(use);
    for (const auto& service : config_.services) {
      for (const auto& target : service.targets) {
        secrets_of(target.use);
        for (const auto& use : target.health) secrets_of(use);
        for (const auto& use : target.ready) secrets_of(use);
        for (const auto& use : target.drill_health) secrets_of(use);
      }
      if (service.state) secrets_of(service.state->store);
      config::PluginUse lease;
      lease.secrets.emplace("key", service.lease_key);
      if (!service.lease_key.name.empty()) secrets_of(lease);
    }
    for (const auto& notifier : config_.notifiers) secrets_of(notifier.use);
  }

  void secrets_of(const config::PluginUse& use) {
    host::Caller* caller = nullptr;
    for (const auto& [key, ref] : use.secrets) {
      const auto name = name_of(ref);  // none: the value stands in the file, which the offline check warns of
      if (name.empty() || !named_.insert(name).second) continue;
      if (caller == nullptr) caller = &callers_.emplace_back(host::Caller{use.plugin, "check", use.secrets, {}});
      auto& asked = remember(Asked::What::secret, "secret", name);
      asked.put = [this, &asked, caller, setting = key] { read_secret(asked, *caller, setting); };
    }
  }

  void read_secret(Asked& asked, const host::Caller& caller, const std::string& key) {
    host::ServiceCall call;
    call.caller = &caller;
    call.method = "secret.get/1";
    call.params = {{"key", key}};
    call.budget = secret_budget;
    call.done = [done = answer_of(asked)](sdk::Result result) {
      result.value = nullptr;  // only that it can be read
      done(std::move(result));
    };
    services_.start(std::move(call));
  }

  // ---- judging ---------------------------------------------------------------------------------------------------

  [[nodiscard]] static std::vector<Finding> judge(const Asked& asked) {
    if (!asked.answer) return {refused(asked.about, {sdk::Status::unknown, "it was never answered", {}, {}, {}})};
    const auto& result = *asked.answer;
    if (!result.ok()) return {refused(asked.about, result.error)};
    try {
      return read(asked, result);
    } catch (const Json::exception& e) {
      return {refused(asked.about, plugins::malformed(e))};
    }
  }

  /// Throws Json::exception for wrong types.
  [[nodiscard]] static std::vector<Finding> read(const Asked& asked, const sdk::Result& result) {
    switch (asked.what) {
      case Asked::What::observe: return {of_observe(asked.about, result.value)};
      case Asked::What::diagnose: return of_diagnose(asked.about, result.value);
      case Asked::What::list: return {of_list(asked.about, result.value)};
      case Asked::What::ready: return {of_check(asked.about, result.value, true, {})};
      case Asked::What::check: {
        const auto state = state_in(asked.observed->answer);
        return {of_check(asked.about, result.value, state == "active", state)};
      }
      case Asked::What::secret: break;
    }
    auto out = asked.about;
    out.message = "can be read";
    return {out};
  }

  /// A provider may repeat what it was told.
  Finding clean(Finding finding) const {
    finding.message = log_.redact(std::move(finding.message));
    finding.hint = log_.redact(std::move(finding.hint));
    return finding;
  }

  const config::Config& config_;
  plugins::Registry& registry_;
  boost::asio::io_context loop_{1};
  host::Logger log_;
  std::deque<Asked> asked_;  // answers point into it, to the last: it outlives the instances
  std::deque<host::Caller> callers_;
  std::set<std::string> named_;
  std::size_t waiting_ = 0;
  std::unique_ptr<host::Services> real_;
  SecretServices services_;
  std::vector<std::unique_ptr<plugins::Instance>> instances_;
};

}  // namespace

std::string_view to_string(Finding::Level level) noexcept {
  switch (level) {
    case Level::ok: return "ok";
    case Level::warning: return "warning";
    case Level::failed: break;
  }
  return "failed";
}

std::vector<Finding> live_check(const config::Config& config, plugins::Registry& registry) {
  return LiveCheck(config, registry).run();
}

}  // namespace understudy::runtime
