#include "core/runtime/orchestrator.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "core/runtime/answers_of_all.hpp"
#include "core/runtime/left_drills.hpp"
#include "core/runtime/left_services.hpp"
#include "core/runtime/secret_services.hpp"
#include "core/runtime/stored_states.hpp"

namespace understudy::runtime {
namespace {

/// By the wall clock, which may be wrong at first: hence not at once, and little at a time.
constexpr Millis first_prune = std::chrono::hours(1), prune_every = std::chrono::hours(12);
constexpr Millis kept_for = std::chrono::days(400);

sdk::Result refused(sdk::Status status, std::string kind, std::string message, std::string hint = {}) {
  return {{}, {status, std::move(message), std::move(hint), std::move(kind), {}}};
}

}  // namespace

/// Everything that one configuration made. Members go in reverse order: runners first, the registry last.
struct Orchestrator::Generation {
  config::Config config;
  std::unique_ptr<plugins::Registry> registry;
  SecretServices services;
  Wiring wiring;
  std::vector<std::unique_ptr<plugins::Instance>> reference;
  std::unique_ptr<Prober> prober;
  std::unique_ptr<AlertDesk> desk;
  std::vector<std::unique_ptr<ServiceRunner>> runners;

  Generation(const World& world, config::Config c, std::unique_ptr<plugins::Registry> r)
      : config(std::move(c)),
        registry(std::move(r)),
        services(world.loop, world.log, world.services, *registry, config.secret_sources),
        wiring{world.loop, world.log, services, *registry, world.journal} {}

  std::vector<plugins::LoadError> build(const std::function<void()>& changed) {
    std::vector<plugins::LoadError> problems;
    std::vector<plugins::Instance*> borrowed;
    for (std::size_t i = 0; i < config.orchestrator.reference.size(); ++i) {
      auto made = registry->make(wiring.for_plugins(), config.orchestrator.reference[i], "health",
                                 "network/reference[" + std::to_string(i) + "]", "", "");
      if (auto* error = std::get_if<plugins::LoadError>(&made)) {
        problems.push_back(*error);
      } else {
        reference.push_back(std::move(std::get<std::unique_ptr<plugins::Instance>>(made)));
        borrowed.push_back(reference.back().get());
      }
    }
    prober = std::make_unique<Prober>(wiring, borrowed);
    desk = std::make_unique<AlertDesk>(wiring, config);
    for (const auto& service : config.services) {
      runners.push_back(std::make_unique<ServiceRunner>(wiring, config, service, *prober, *desk, changed));
      auto more = runners.back()->build();
      problems.insert(problems.end(), more.begin(), more.end());
    }
    return problems;
  }
};

Orchestrator::Orchestrator(World world, std::vector<std::filesystem::path> files)
    : world_(world), files_(std::move(files)), prune_timer_(world.loop), started_(wall_now()) {}
Orchestrator::~Orchestrator() {
  alive_.reset();
  waiters_.clear();
}

const config::Config& Orchestrator::config() const { return generation_->config; }

std::vector<plugins::LoadError> Orchestrator::start(config::Config config,
                                                    std::unique_ptr<plugins::Registry> registry) {
  auto made = std::make_unique<Generation>(world_, std::move(config), std::move(registry));
  if (auto problems = made->build([this] { changed(); }); !problems.empty()) return problems;
  auto read = stored_states(world_.journal, made->config);
  if (auto* error = std::get_if<plugins::LoadError>(&read)) return {std::move(*error)};
  const auto& stored = std::get<States>(read);
  generation_ = std::move(made);
  (void)world_.journal.outbox_recover();
  for (const auto& runner : generation_->runners) {
    const auto& id = runner->service().id;
    const auto it = stored.find(id);
    runner->start(it != stored.end() ? std::optional(it->second) : std::nullopt, world_.journal.last_epoch(id));
  }
  generation_->desk->close_strangers();
  tell_left_drills(world_.journal, generation_->config, *generation_->desk);
  tell_left_services(world_.journal, generation_->config, *generation_->desk);
  generation_->desk->poke();
  prune_in(first_prune);
  changed();
  return {};
}

/// A failure shows at the next thing that must be written.
void Orchestrator::prune_in(Millis wait) {
  prune_timer_.expires_after(wait);
  prune_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    (void)world_.journal.prune(wall_now() - kept_for);
    prune_in(prune_every);
  });
}

void Orchestrator::changed() {
  ++revision_;
  if (std::exchange(change_posted_, true)) return;
  boost::asio::post(world_.loop, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    change_posted_ = false;
    std::vector<std::function<void()>> ready;
    for (auto it = waiters_.begin(); it != waiters_.end();) {
      if (it->seen >= revision_) {
        ++it;
        continue;
      }
      ready.push_back(std::move(it->fn));
      it = waiters_.erase(it);
    }
    for (auto& fn : ready) fn();
  });
}

void Orchestrator::on_change(std::uint64_t seen, Millis at_most, std::function<void()> fn) {
  if (revision_ > seen) return fn();
  const auto id = next_waiter_++;
  waiters_.push_back({id, seen, boost::asio::steady_timer(world_.loop, at_most), std::move(fn)});
  waiters_.back().timer.async_wait([this, id, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    // It may have been answered since its time was up: a timer that has fired cannot be cancelled any more.
    const auto it = std::ranges::find(waiters_, id, &Waiter::id);
    if (it == waiters_.end()) return;
    auto late = std::move(it->fn);
    waiters_.erase(it);
    late();
  });
}

namespace {

sdk::Json plugin_stats(const plugins::Registry& registry) {
  sdk::Json out = sdk::Json::object();
  for (const auto& [name, stats] : registry.stats()) {
    out[name] = {{"calls", stats->calls},
                 {"failures", stats->failures},
                 {"crashes", stats->crashes},
                 {"restarts", stats->restarts},
                 {"time_us", stats->time.count()}};
  }
  return out;
}

}  // namespace

sdk::Json Orchestrator::status() const {
  const auto& g = *generation_;
  const auto& problem = world_.journal.problem();
  const auto counts = world_.journal.outbox_counts();
  sdk::Json out = {{"schema", 1},
                   {"name", g.config.orchestrator.name},
                   {"version", UNDERSTUDY_VERSION},
                   {"mode", g.config.orchestrator.mode == config::Orchestrator::Mode::act ? "act" : "observe"},
                   {"started_at_ms", ms(started_)},
                   {"now_ms", ms(wall_now())},
                   {"revision", revision_},
                   {"config", {{"hash", g.config.hash}, {"files", g.config.files}}},
                   {"journal", {{"ok", !problem.has_value()}, {"problem", problem ? problem->message : ""}}},
                   {"network", {{"verdict", to_string(g.prober->network())}}},
                   {"alerts",
                    {{"queued", counts.queued},
                     {"dead", counts.dead},
                     {"open", g.desk->list().at("open").size()},
                     {"silences", g.desk->list().at("silences")}}},
                   {"plugins", plugin_stats(*g.registry)},
                   {"services", sdk::Json::array()}};
  for (const auto& r : g.runners) out["services"].push_back(r->status());
  return out;
}

ServiceRunner* Orchestrator::find(const ServiceId& service, const Reply& reply) {
  for (const auto& r : generation_->runners) {
    if (r->service().id == service) return r.get();
  }
  std::string names;
  for (const auto& r : generation_->runners) names += (names.empty() ? "" : ", ") + r->service().id.value;
  reply(refused(sdk::Status::invalid, "no_such_service", "there is no service \"" + service.value + "\"",
                "there are: " + names));
  return nullptr;
}

state::StateKeeper* Orchestrator::keeper(const ServiceId& service, const Reply& reply) {
  auto* runner = find(service, reply);
  if (runner == nullptr) return nullptr;
  if (runner->keeper() == nullptr)
    reply(refused(sdk::Status::invalid, "no_state", "service " + service.value + " has no state store",
                  "add [service." + service.value + ".state]"));
  return runner->keeper();
}

namespace {

/// Of every target, and what it means for the one that runs the service.
std::string fence_words(const ServiceRunner& runner) {
  std::string out = "\nhow it is made certain that a target has ended:\n";
  for (const auto& t : runner.service().targets)
    out += fmt::format("    {:<16} {}\n", t.id.value, words_of(runner.fence_offer(t)));
  if (const auto* active = runner.service().find(runner.state().active))
    out += "\n" + sentence_of(active->id, runner.fence_offer(*active)) + "\n";
  return out;
}

}  // namespace

void Orchestrator::plan(const ServiceId& service, Reply reply) {
  auto* runner = find(service, reply);
  if (runner == nullptr) return;
  const auto plan = runner->plan_if_failed_now();
  sdk::Json out = policy::to_json(plan);
  out["service"] = service.value;
  out["active"] = runner->state().active.value;
  out["index"] = runner->state().index;
  out["config"] = generation_->config.hash;
  out["made_ms"] = ms(wall_now());
  out["text"] = policy::render(plan) + fence_words(*runner);
  for (const auto& t : runner->service().targets) out["fences"][t.id.value] = to_json(runner->fence_offer(t));
  if (const auto* active = runner->service().find(runner->state().active))
    out["fence"] = to_json(runner->fence_offer(*active));
  reply({std::move(out)});
}

void Orchestrator::move_command(failover::Command::What what, const PromoteRequest& request, Reply reply) {
  auto* runner = find(request.service, reply);
  if (runner == nullptr) return;
  if (!request.expect_config.empty() && request.expect_config != generation_->config.hash) {
    return reply(refused(sdk::Status::conflict, "stale_plan", "the configuration has changed since the plan was made",
                         "make a new plan"));
  }
  failover::Command command;
  command.what = what;
  command.target = request.target;
  command.force = request.force;
  command.accept_loss = request.accept_loss;
  command.expect_index = request.expect_index;
  command.who = request.by.who;
  command.reason = request.by.reason;
  runner->command(std::move(command), std::move(reply));
}

void Orchestrator::promote(const PromoteRequest& request, Reply reply) {
  move_command(failover::Command::What::promote, request, std::move(reply));
}
void Orchestrator::failback(const PromoteRequest& request, Reply reply) {
  move_command(failover::Command::What::failback, request, std::move(reply));
}

void Orchestrator::renew_lease(const ServiceId& service, const lease::Renewal& renewal, Reply reply) {
  if (auto* runner = find(service, reply)) runner->renew_lease(renewal, std::move(reply));
}

std::optional<std::string> Orchestrator::lease_key(const ServiceId& service) const {
  const auto it = std::ranges::find_if(generation_->runners, [&](const auto& r) { return r->service().id == service; });
  if (it == generation_->runners.end() || (*it)->lease_key().empty()) return std::nullopt;
  return (*it)->lease_key();
}

void Orchestrator::wrong_lease_key(const ServiceId& service) {
  const auto now = std::chrono::steady_clock::now();
  const auto told = wrong_key_told_.find(service);
  if (told != wrong_key_told_.end() && now - told->second < std::chrono::minutes(1)) return;  // agents try every few s
  wrong_key_told_[service] = now;
  world_.log.write(host::Level::warning, service.value, "a lease was asked for with a wrong key, and refused",
                   {{"hint", "is key in [service." + service.value + ".lease] that of [agent.lease]?"}});
}

void Orchestrator::of_target(const TargetRequest& request, Reply reply) {
  if (auto* runner = find(request.service, reply)) runner->of_target(request, std::move(reply));
}

void Orchestrator::drill(const DrillRequest& request, Reply reply) {
  if (auto* runner = find(request.service, reply)) runner->drill(request, reply);
}

void Orchestrator::for_services(const ServiceId& service, const failover::Command& command, Reply reply) {
  if (!service.empty()) {
    if (auto* runner = find(service, reply)) runner->command(command, std::move(reply));
    return;
  }
  const auto answers = std::make_shared<AnswersOfAll>(generation_->runners.size(), std::move(reply));
  for (const auto& r : generation_->runners)
    r->command(command,
               [answers, name = r->service().id.value](sdk::Result result) { answers->take(name, std::move(result)); });
}

void Orchestrator::pause(const PauseRequest& request, Reply reply) {
  failover::Command command;
  command.what = failover::Command::What::pause;
  command.pause_for = request.for_time.value_or(Millis(3'600'000));
  command.who = request.by.who;
  command.reason = request.by.reason;
  for_services(request.service, command, std::move(reply));
}

void Orchestrator::resume(const PauseRequest& request, Reply reply) {
  failover::Command command;
  command.what = failover::Command::What::resume;
  command.who = request.by.who;
  command.reason = request.by.reason;
  for_services(request.service, command, std::move(reply));
}

sdk::Json Orchestrator::alerts() const { return generation_->desk->list(); }

void Orchestrator::acknowledge(const AcknowledgeRequest& request, Reply reply) {
  if (!request.service.empty() && find(request.service, reply) == nullptr) return;
  const int count = generation_->desk->acknowledge(request.incident, request.service, request.by.who);
  if (count < 0) return reply(refused(sdk::Status::transient, "journal", "the journal cannot be written"));
  if (count > 0)
    note(request.service, "alert.acknowledged",
         std::to_string(count) + " alerts were acknowledged by " + request.by.who);
  changed();
  reply({{{"acknowledged", count}, {"message", std::to_string(count) + " acknowledged"}}});
}

void Orchestrator::silence(const SilenceRequest& request, Reply reply) {
  alerts::Silence silence{"",
                          request.service,
                          request.target,
                          request.kind,
                          request.by.who,
                          request.by.reason,
                          wall_now() + request.for_time};
  const auto id = generation_->desk->silence(std::move(silence));
  if (id.empty()) return reply(refused(sdk::Status::transient, "journal", "the journal cannot be written"));
  note(ServiceId(request.service), "alert.silenced",
       "alerts were silenced by " + request.by.who + ": " + request.by.reason);
  changed();
  reply({{{"id", id}, {"message", "silenced as " + id}}});
}

void Orchestrator::end_silence(const std::string& id, const Requester& by, Reply reply) {
  if (!generation_->desk->end_silence(id))
    return reply(refused(sdk::Status::invalid, "no_such_silence", "there is no silence \"" + id + "\"",
                         "`understudy alert list` shows them"));
  note({}, "alert.unsilenced", "the silence " + id + " was ended by " + by.who);
  changed();
  reply({{{"message", "ended"}}});
}

void Orchestrator::test_alert(const AlertTest& test, Reply reply) { generation_->desk->test(test, reply); }

void Orchestrator::note(const ServiceId& service, const std::string& kind, const std::string& text) {
  world_.log.write(host::Level::info, "orchestrator", text);
  (void)world_.journal.commit(
      {journal::MachineRecord{service, wall_now(), failover::Note{kind, Severity::info, {}, text}}});
}

namespace {

/// What differs of what is read once, at the start.
std::vector<std::string> fixed_at_start(const config::Orchestrator& old, const config::Orchestrator& now) {
  std::vector<std::string> out;
  if (old.listen != now.listen) out.emplace_back("listen");
  if (old.lease_listen != now.lease_listen) out.emplace_back("lease_listen");
  if (old.log_level != now.log_level || old.log_format != now.log_format) out.emplace_back("log");
  return out;
}

}  // namespace

void Orchestrator::reload(const Requester& by, Reply reply) {
  for (const auto& r : generation_->runners) {
    if (r->state().move) {
      return reply(
          refused(sdk::Status::conflict, "busy",
                  r->service().id.value + " is moving (" + std::string(failover::to_string(r->state().phase)) + ")",
                  "reload when it is done"));
    }
    if (r->changing()) {
      return reply(refused(sdk::Status::conflict, "busy",
                           "a target of " + r->service().id.value + " is being changed or drilled",
                           "reload when it is done"));
    }
  }
  auto loaded = load(files_);
  if (!loaded.result.config) {
    return reply(refused(sdk::Status::invalid, "bad_config",
                         "the new configuration has errors; the old one stays in force\n" +
                             config::render(loaded.result.diagnostics, false),
                         "mend the file and reload again"));
  }
  const auto old_dir = generation_->config.orchestrator.data_dir;
  if (loaded.result.config->orchestrator.data_dir != old_dir) {
    return reply(
        refused(sdk::Status::invalid, "bad_config", "data_dir cannot change while running", "restart for that"));
  }
  const auto waits = fixed_at_start(generation_->config.orchestrator, loaded.result.config->orchestrator);
  auto made = std::make_unique<Generation>(world_, std::move(*loaded.result.config), std::move(loaded.registry));
  if (const auto problems = made->build([this] { changed(); }); !problems.empty()) {
    return reply(refused(sdk::Status::invalid, "bad_config",
                         problems.front().message + "; the old configuration stays in force", problems.front().hint));
  }
  // The journal has what a service that left the file and comes back was about.
  auto read = stored_states(world_.journal, made->config);
  if (const auto* error = std::get_if<plugins::LoadError>(&read))
    return reply(refused(sdk::Status::transient, "journal", error->message + "; the old configuration stays in force",
                         error->hint));
  auto& states = std::get<States>(read);
  for (const auto& r : generation_->runners) states.insert_or_assign(r->service().id, r->state());
  const auto unstored = generation_->desk->take_unstored();
  generation_->runners.clear();
  generation_ = std::move(made);
  for (const auto& alert : unstored) generation_->desk->tell(alert);
  for (const auto& r : generation_->runners) {
    const auto it = states.find(r->service().id);
    r->start(it != states.end() ? std::optional(it->second) : std::nullopt, world_.journal.last_epoch(r->service().id));
  }
  // What the former desk was sending is unanswered for ever: it goes again.
  (void)world_.journal.outbox_recover();
  generation_->desk->close_strangers();
  tell_left_drills(world_.journal, generation_->config, *generation_->desk);
  tell_left_services(world_.journal, generation_->config, *generation_->desk);
  generation_->desk->poke();
  std::string message = "reloaded";
  for (const auto& key : waits) message += (message == "reloaded" ? "; after a restart only: " : ", ") + key;
  note({}, "reloaded",
       "the configuration was read again by " + by.who + message.substr(std::string("reloaded").size()));
  changed();
  reply({{{"message", message},
          {"needs_restart", waits},
          {"config", generation_->config.hash},
          {"services", generation_->runners.size()}}});
}

void Orchestrator::snapshot_list(const ServiceId& service, Reply reply) {
  if (auto* k = keeper(service, reply)) k->list(std::move(reply));
}

void Orchestrator::snapshot_push(const ServiceId& service, const Requester& by, Reply reply) {
  auto* runner = find(service, reply);
  if (runner == nullptr) return;
  note(service, "snapshot.asked", "a snapshot was asked for by " + by.who);
  runner->push_now(reply);
}

void Orchestrator::snapshot_verify(const ServiceId& service, const SnapshotId& id, Reply reply) {
  if (auto* k = keeper(service, reply)) k->verify(id, std::move(reply));
}

void Orchestrator::snapshot_restore(const ServiceId& service, const SnapshotId& id, const std::string& folder,
                                    const Requester& by, Reply reply) {
  auto* k = keeper(service, reply);
  if (k == nullptr) return;
  note(service, "snapshot.restored", "snapshot " + id.value + " is restored to " + folder + " for " + by.who);
  k->restore(id, folder, std::move(reply));
}

void Orchestrator::history(const HistoryQuery& query, Reply reply) {
  sdk::Json rows = sdk::Json::array();
  for (const auto& h : world_.journal.history(query.service, std::clamp(query.limit, 1, 10'000), query.before_id)) {
    rows.push_back({{"id", h.id},
                    {"at_ms", ms(h.at)},
                    {"service", h.service.value},
                    {"target", h.target.value},
                    {"kind", h.kind},
                    {"severity", h.severity},
                    {"epoch", h.epoch},
                    {"text", h.text}});
  }
  reply({{{"events", std::move(rows)}}});
}

sdk::Json Orchestrator::plugins() const {
  sdk::Json out = sdk::Json::array();
  for (const auto& [path, found] : generation_->registry->all()) {
    if (const auto* error = std::get_if<plugins::LoadError>(&found)) {
      out.push_back({{"path", path.string()}, {"error", error->message}});
    } else {
      const auto& m = std::get<std::shared_ptr<plugins::Library>>(found)->manifest();
      out.push_back({{"path", path.string()}, {"name", m.name}, {"version", m.version}, {"summary", m.summary}});
    }
  }
  return {{"plugins", std::move(out)}};
}

}  // namespace understudy::runtime
