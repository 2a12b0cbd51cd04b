#include "core/runtime/alert_desk.hpp"

#include <algorithm>
#include <ctime>
#include <random>

#include <fmt/format.h>

namespace understudy::runtime {
namespace {

using sdk::Json;

constexpr Millis longest_nap{600'000};
constexpr std::size_t most_unstored = 200;
constexpr Millis store_again{1'000}, beat_again{5'000};
constexpr Millis unwritable_patience{3'000}, shout_again{900'000}, calm_for{5'000};

alerts::LocalTime local_time(WallTime at) {
  const auto local = local_tm(at);
  return {local.tm_hour * 60 + local.tm_min, (local.tm_wday + 6) % 7};
}

Json body_of(const Alert& alert, const std::string& id, WallTime at) {
  return {{"id", id},
          {"kind", alert.kind},
          {"severity", to_string(alert.severity)},
          {"state", to_string(alert.state)},
          {"service", alert.service.value},
          {"target", alert.target.value},
          {"title", alert.title},
          {"text", alert.text},
          {"at_ms", ms(at)},
          {"incident", alert.incident},
          {"facts", alert.facts}};
}

constexpr const char *open_space = "alert", *silence_space = "silence", *beat_space = "heartbeat";

}  // namespace

AlertDesk::AlertDesk(const Wiring& wiring, const config::Config& config)
    : wiring_(wiring),
      config_(config),
      outbox_(wiring, config, [this](const auto& problem) { stored(problem); }),
      again_timer_(wiring.loop),
      remind_timer_(wiring.loop),
      beat_timer_(wiring.loop),
      calm_timer_(wiring.loop),
      next_id_((std::uint64_t{std::random_device{}()} << 16) >> 16) {
  restore();
  watch();
  beat();
}

void AlertDesk::restore() {
  const auto each = [this](const char* space, const auto& take) {
    for (const auto& [key, value] : wiring_.journal.documents(space)) {
      try {
        take(key, value);
      } catch (const Json::exception& e) {  // one that cannot be read must not keep the service unguarded
        wiring_.log.write(
            host::Level::warning, "alerts",
            fmt::format("{} {} in the journal cannot be read, and is left out: {}", space, key, e.what()));
      }
    }
  };
  each(open_space,
       [this](const auto& key, const Json& value) { memory_.board.restore(key, alerts::open_from_json(value)); });
  each(silence_space,
       [this](const auto&, const Json& value) { silences_.push_back(alerts::silence_from_json(value)); });
}

std::optional<WallTime> AlertDesk::silenced(const Alert& alert, WallTime at) const {
  std::optional<WallTime> until;
  for (const auto& s : silences_) {
    if (s.covers(alert, at) && (!until || s.until > *until)) until = s.until;
  }
  return until;
}

journal::OutboxPut AlertDesk::row(const Alert& alert, const alerts::Delivery& delivery, WallTime at) {
  const std::string id = std::to_string(ms(at)) + "-" + std::to_string(next_id_++);
  Json body = body_of(alert, id, at);
  if (delivery.suppressed > 0) body["facts"]["suppressed"] = std::to_string(delivery.suppressed);
  if (delivery.wait.count() > 0) body["group"] = true;
  return {id, delivery.notifier, std::move(body), at + delivery.wait};
}

void AlertDesk::remember(const std::string& key, WallTime at, journal::Batch& batch) const {
  if (const auto* open = memory_.board.find(key)) {
    batch.push_back(journal::DocumentPut{open_space, key, alerts::to_json(*open), at});
  } else {
    batch.push_back(journal::DocumentErase{open_space, key});
  }
}

journal::Batch AlertDesk::deliveries(const Alert& alert) {
  journal::Batch out;
  const auto at = wall_now();
  const auto local = local_time(at);
  Alert routed = alert;  // the end of something goes to whoever heard of it
  std::vector<NotifierId> escalated_to;
  bool heard = false, unheard = false;
  if (const auto* open = memory_.board.find(alert.key()); open != nullptr && alert.state == AlertState::resolved) {
    routed.severity = open->alert.severity;
    escalated_to = open->escalated_to;
    unheard = open->held.has_value();
    heard = !unheard;
  }
  const auto key = memory_.board.take(alert, at);
  const auto quiet = silenced(alert, at);
  const bool fires = alert.state == AlertState::firing;
  if (key && fires) {
    auto until = quiet;
    if (!until) until = memory_.router.held_until(config_, alert, at, local);
    memory_.board.hold(*key, until);
  }
  if (key) remember(*key, at, out);
  if ((quiet && !heard) || unheard) return out;  // what fires stays open, and the history has it
  auto deliveries = memory_.router.route(config_, routed, at, local);
  for (const auto& boss : escalated_to) {
    if (std::ranges::find(deliveries, boss, &alerts::Delivery::notifier) == deliveries.end())
      deliveries.push_back({boss, 0, Millis(0)});
  }
  for (const auto& d : deliveries) out.push_back(row(alert, d, at));
  return out;
}

void AlertDesk::mark() { before_ = memory_; }
void AlertDesk::undo() { memory_ = before_; }

void AlertDesk::tell(const Alert& alert) {
  if (unstored_.size() >= most_unstored)
    return wiring_.log.write(host::Level::error, "alerts", "too many wait for the journal: " + alert.title);
  unstored_.push_back(alert);
  store_waiting();
  if (!unstored_.empty()) wiring_.log.write(host::Level::error, "alerts", "not stored yet: " + alert.title);
}

/// In their order. What cannot be stored now is kept, since whoever told it does not tell it again.
void AlertDesk::store_waiting() {
  while (!unstored_.empty()) {
    mark();
    const auto problem = wiring_.journal.commit(deliveries(unstored_.front()));
    stored(problem);
    if (problem) {
      undo();
      return store_waiting_later();
    }
    unstored_.pop_front();
  }
  poke();
}

void AlertDesk::store_waiting_later() {
  again_timer_.expires_after(store_again);
  again_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) store_waiting();
  });
}

bool AlertDesk::is_open(const Alert& alert) const {
  const auto key = alert.key();
  const auto waits = std::find_if(unstored_.rbegin(), unstored_.rend(), [&](const Alert& a) { return a.key() == key; });
  if (waits != unstored_.rend()) return waits->state == AlertState::firing;
  return memory_.board.find(key) != nullptr;
}

void AlertDesk::stored(const std::optional<journal::Problem>& problem) {
  const auto now = mono_now();
  if (!problem) {
    unwritable_since_.reset();
    if (shouting_) calm_down();
    return;
  }
  unwritable_ = now;
  if (!unwritable_since_) unwritable_since_ = now;
  if (now - *unwritable_since_ < unwritable_patience || (shouted_ && now - *shouted_ < shout_again)) return;
  shouted_ = now;
  shouting_ = true;
  Alert alert;
  alert.kind = "journal.unwritable";
  alert.severity = Severity::critical;
  alert.state = AlertState::firing;
  alert.title = "nothing can be written down: no failover can happen";
  alert.text = problem->message + (problem->hint.empty() ? "" : "\n" + problem->hint);
  shout(alert);
}

/// What is small may still be written to a disk that is nearly full: the end is told when it has lasted.
void AlertDesk::calm_down() {
  calm_timer_.expires_after(calm_for);
  calm_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired() || !shouting_ || mono_now() - *unwritable_ < calm_for) return;
    shouting_ = false;
    Alert alert;
    alert.kind = "journal.unwritable";
    alert.state = AlertState::resolved;
    alert.title = "the journal can be written again";
    shout(alert);
  });
}

/// To everybody, past the queue.
void AlertDesk::shout(const Alert& alert) {
  const auto at = wall_now();
  for (const auto& n : config_.notifiers) {
    const auto id = std::to_string(ms(at)) + "-" + std::to_string(next_id_++);
    outbox_.send_now(n.id, body_of(alert, id, at), [log = &wiring_.log, to = n.id.value](const sdk::Result& r) {
      if (!r.ok()) log->write(host::Level::warning, "alerts", "not delivered to " + to + ": " + r.error.message);
    });
  }
}

void AlertDesk::close_strangers() {
  const auto known = [&](const Alert& alert) {
    if (alert.service.empty()) return true;
    const auto service = std::ranges::find(config_.services, alert.service, &config::Service::id);
    return service != config_.services.end() && (alert.target.empty() || service->find(alert.target) != nullptr);
  };
  std::vector<Alert> gone;
  for (const auto& [key, open] : memory_.board.open()) {
    if (!known(open.alert)) gone.push_back(open.alert);
  }
  for (auto& alert : gone) {
    alert.state = AlertState::resolved;
    alert.severity = Severity::info;
    alert.title = (alert.target.empty() ? alert.service.value : alert.target.value) + " is no longer in the file";
    alert.text.clear();
    tell(alert);
  }
}

void AlertDesk::poke() {
  outbox_.poke();
  watch();
}

// ---- what is said again -----------------------------------------------------------------------------------------

void AlertDesk::watch() {
  if (memory_.board.open().empty()) return;
  const auto at = wall_now();
  // Hours of routes begin and end: look again at the latest in ten minutes.
  const auto next = memory_.board.next_due(config_, local_time(at)).value_or(at + longest_nap);
  remind_in(std::clamp<Millis>(next - at, Millis(1), longest_nap));
}

void AlertDesk::remind() {
  const auto at = wall_now();
  mark();
  journal::Batch batch;
  const auto local = local_time(at);
  for (const auto& due : memory_.board.due(config_, at, local)) {
    const auto quiet = silenced(due.open->alert, at);
    if (quiet && due.held) memory_.board.hold(due.key, quiet);
    remember(due.key, at, batch);
    if (quiet) continue;
    Alert alert = due.open->alert;
    if (due.held) {
      for (const auto& d : memory_.router.route(config_, alert, at, local)) batch.push_back(row(alert, d, at));
      continue;
    }
    const auto minutes = std::to_string((at - due.open->since).count() / 60'000);
    alert.facts["reminder"] = due.escalation ? "escalation" : "repeat";
    alert.title =
        (due.escalation ? "Nobody has acknowledged for " + minutes + " min: " : "Still, since " + minutes + " min: ") +
        alert.title;
    for (const auto& notifier : due.to) batch.push_back(row(alert, {notifier, 0, Millis(0)}, at));
  }
  if (!batch.empty() && wiring_.journal.commit(batch)) {
    undo();
    remind_in(Millis(5'000));  // the journal cannot be written: no reason to spin
    return;
  }
  poke();
}

void AlertDesk::remind_in(Millis wait) {
  remind_timer_.expires_after(wait);
  remind_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) remind();
  });
}

void AlertDesk::beat() {
  if (config_.orchestrator.heartbeat.count() == 0) return;
  const auto beaten = wiring_.journal.document(beat_space, "last");
  const WallTime last(Millis(beaten ? beaten->value("at_ms", std::int64_t{0}) : 0));
  const auto at = wall_now();
  if (at - last >= config_.orchestrator.heartbeat) {
    Alert alert;
    alert.kind = "heartbeat";
    alert.title = config_.orchestrator.name + " is watching " + std::to_string(config_.services.size()) + " service" +
                  (config_.services.size() == 1 ? "" : "s");
    alert.text = std::to_string(memory_.board.open().size()) + " open alerts. When this does not come, look.";
    mark();
    auto batch = deliveries(alert);
    batch.push_back(journal::DocumentPut{beat_space, "last", {{"at_ms", ms(at)}}, at});
    const auto problem = wiring_.journal.commit(batch);
    stored(problem);
    if (problem) {
      undo();  // or its route's throttle would keep it back
      return beat_in(beat_again);
    }
    outbox_.poke();
  }
  const auto since = std::clamp(Millis(at - last), Millis(0), config_.orchestrator.heartbeat);
  const auto wait =
      since >= config_.orchestrator.heartbeat ? config_.orchestrator.heartbeat : config_.orchestrator.heartbeat - since;
  beat_in(wait + Millis(5));
}

void AlertDesk::beat_in(Millis wait) {
  beat_timer_.expires_after(wait);
  beat_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) beat();
  });
}

// ---- what people do ---------------------------------------------------------------------------------------------

Json AlertDesk::list() const {
  const auto at = wall_now();
  Json open = Json::array(), silences = Json::array();
  for (const auto& [key, one] : memory_.board.open()) {
    Json entry = alerts::to_json(one);
    entry["silenced"] = silenced(one.alert, at).has_value();
    open.push_back(std::move(entry));
  }
  for (const auto& s : silences_) {
    if (at < s.until) silences.push_back(alerts::to_json(s));
  }
  return {{"schema", 1}, {"open", std::move(open)}, {"silences", std::move(silences)}};
}

int AlertDesk::acknowledge(const std::string& incident, const ServiceId& service, const std::string& who) {
  const auto at = wall_now();
  mark();
  journal::Batch batch;
  const auto keys = memory_.board.acknowledge(incident, service, who);
  for (const auto& key : keys) remember(key, at, batch);
  if (!batch.empty() && wiring_.journal.commit(batch)) {
    undo();
    return -1;
  }
  watch();
  return static_cast<int>(keys.size());
}

std::string AlertDesk::silence(alerts::Silence silence) {
  const auto at = wall_now();
  silence.id = "s" + std::to_string(ms(at) % 100'000'000);
  journal::Batch batch{journal::DocumentPut{silence_space, silence.id, alerts::to_json(silence), at}};
  for (const auto& old : silences_) {
    if (old.until <= at) batch.push_back(journal::DocumentErase{silence_space, old.id});
  }
  if (wiring_.journal.commit(batch)) return {};
  std::erase_if(silences_, [&](const alerts::Silence& s) { return s.until <= at; });
  silences_.push_back(silence);
  return silence.id;
}

bool AlertDesk::end_silence(const std::string& id) {
  const auto it = std::ranges::find(silences_, id, &alerts::Silence::id);
  if (it == silences_.end() || wiring_.journal.commit({journal::DocumentErase{silence_space, id}})) return false;
  const alerts::Silence ended = std::move(*it);
  silences_.erase(it);
  const auto at = wall_now();
  for (const auto& [key, open] : memory_.board.open()) {
    if (open.held && ended.covers(open.alert, at)) memory_.board.hold(key, at);
  }
  watch();
  return true;
}

void AlertDesk::test(const AlertTest& test, const std::function<void(sdk::Result)>& reply) {
  const auto at = wall_now();
  Alert alert;
  alert.kind = test.kind;
  alert.severity = test.severity == "critical"  ? Severity::critical
                   : test.severity == "warning" ? Severity::warning
                                                : Severity::info;
  alert.service = ServiceId(test.service);
  alert.title = "A test of the alerts of " + config_.orchestrator.name;
  alert.text = "Asked for by `understudy alert test`. Nothing has happened.";
  const auto routed = alerts::Router().route(config_, alert, at, local_time(at));
  struct Gathered {
    Json deliveries = Json::array();
    std::size_t left;
  };
  auto all = std::make_shared<Gathered>();
  all->left = routed.size();
  if (routed.empty()) return reply({{{"deliveries", Json::array()}}});
  for (const auto& d : routed) {
    const auto id = std::to_string(ms(at)) + "-test-" + d.notifier.value;
    outbox_.send_now(d.notifier, body_of(alert, id, at), [all, reply, name = d.notifier.value](const sdk::Result& r) {
      Json one = {{"notifier", name}, {"ok", r.ok()}};
      if (!r.ok()) one["error"] = r.error.to_json();
      all->deliveries.push_back(std::move(one));
      if (--all->left == 0) reply({{{"deliveries", all->deliveries}}});
    });
  }
}

}  // namespace understudy::runtime
