#include "core/runtime/alert_desk.hpp"

#include <random>

namespace understudy::runtime {
namespace {

constexpr Millis send_budget{30'000};
constexpr int attempts_before_hand_over = 5;
constexpr int attempts_in_all = 200;  // with the longest backoff about 16 hours
/// A failover tells much in its first milliseconds, and sending writes to the journal: acting comes first.
constexpr Millis after_acting{25}, between_deliveries{1};

std::int64_t ms(WallTime t) { return t.time_since_epoch().count(); }

std::uint64_t random64() {
  static thread_local std::mt19937_64 engine{std::random_device{}()};
  return engine();
}

}  // namespace

AlertDesk::AlertDesk(const Wiring& wiring, const config::Config& config)
    : wiring_(wiring), config_(config), timer_(wiring.loop), next_id_(random64() >> 16) {
  for (const auto& n : config.notifiers) {
    auto made = wiring.registry.make(wiring.for_plugins(), n.use, "notifier", "notifier/" + n.id.value, "", "");
    if (auto* error = std::get_if<plugins::LoadError>(&made)) {
      wiring.log.write(host::Level::error, "alerts", error->message, {{"hint", error->hint}});
      continue;
    }
    notifiers_[n.id] = std::move(std::get<std::unique_ptr<plugins::Instance>>(made));
  }
}

journal::Batch AlertDesk::deliveries(const Alert& alert) {
  journal::Batch out;
  const auto at = wall_now();
  for (const auto& d : router_.route(config_, alert, at)) {
    const std::string id = std::to_string(ms(at)) + "-" + std::to_string(next_id_++);
    nlohmann::json facts = alert.facts;
    if (d.suppressed > 0) facts["suppressed"] = std::to_string(d.suppressed);
    nlohmann::json body = {{"id", id},
                           {"kind", alert.kind},
                           {"severity", to_string(alert.severity)},
                           {"state", to_string(alert.state)},
                           {"service", alert.service.value},
                           {"target", alert.target.value},
                           {"title", alert.title},
                           {"text", alert.text},
                           {"at_ms", ms(at)},
                           {"facts", std::move(facts)}};
    out.push_back(journal::OutboxPut{id, d.notifier, std::move(body), at});
  }
  return out;
}

void AlertDesk::tell(const Alert& alert) {
  if (const auto problem = wiring_.journal.commit(deliveries(alert))) {
    wiring_.log.write(host::Level::error, "alerts", "not stored: " + alert.title, {{"why", problem->message}});
  }
  poke();
}

void AlertDesk::poke() { wake_after(after_acting); }

void AlertDesk::send_due() {
  std::vector<journal::OutboxRow> rows;
  journal::Batch sending;
  for (auto& row : wiring_.journal.outbox_due(wall_now())) {
    if (in_flight_[row.notifier] > 0) continue;  // in order, one at a time for each notifier
    ++in_flight_[row.notifier];
    // Stored before the call: after a crash it is sent again, marked as a possible duplicate.
    sending.push_back(
        journal::OutboxUpdate{row.id, journal::OutboxState::sending, row.attempt + 1, row.not_before, ""});
    rows.push_back(std::move(row));
  }
  const bool stored = sending.empty() || !wiring_.journal.commit(sending);
  for (const auto& row : rows) {
    if (stored) {
      send(row);
    } else {
      --in_flight_[row.notifier];
    }
  }
  sleep_until_due();
}

void AlertDesk::send(const journal::OutboxRow& row) {
  const auto it = notifiers_.find(row.notifier);
  if (it == notifiers_.end()) {
    return finished(row, {{}, {sdk::Status::unsupported, "there is no such notifier", {}, {}, {}}});
  }
  nlohmann::json alert = row.alert;
  alert["possible_duplicate"] = row.possible_duplicate;
  it->second->call("notify.send/1", {{"alert", std::move(alert)}}, send_budget,
                   [this, row, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
                     if (!alive.expired()) finished(row, result);
                   });
}

void AlertDesk::finished(const journal::OutboxRow& row, const sdk::Result& result) {
  --in_flight_[row.notifier];
  const int attempt = row.attempt + 1;
  journal::OutboxUpdate update{row.id, journal::OutboxState::sent, attempt, row.not_before, ""};
  if (result.ok()) {
    update.detail = result.value.value("receipt", "");
  } else {
    const bool hopeless = result.error.status == sdk::Status::denied || result.error.status == sdk::Status::invalid ||
                          result.error.status == sdk::Status::unsupported;
    wiring_.log.write(host::Level::warning, "alerts",
                      "not delivered to " + row.notifier.value + ": " + result.error.message);
    if (hopeless || attempt == attempts_before_hand_over) hand_over(row);
    update.state = hopeless || attempt >= attempts_in_all ? journal::OutboxState::dead : journal::OutboxState::queued;
    const Millis wait =
        std::max(alerts::delivery_backoff(attempt, random64()), result.error.retry_after.value_or(Millis(0)));
    update.not_before = wall_now() + wait;
    update.detail = result.error.message;
  }
  (void)wiring_.journal.commit({update});
  wake_after(between_deliveries);
}

/// The notifier stays down: the others tell instead, and say so.
void AlertDesk::hand_over(const journal::OutboxRow& row) {
  journal::Batch batch;
  for (const auto& [id, instance] : notifiers_) {
    if (id == row.notifier || row.alert.contains("fallback_for")) continue;
    nlohmann::json alert = row.alert;
    alert["fallback_for"] = row.notifier.value;
    alert["text"] = alert.value("text", "") + " (told here because " + row.notifier.value + " cannot be reached)";
    batch.push_back(journal::OutboxPut{row.id + "-" + id.value, id, std::move(alert), wall_now()});
  }
  if (!batch.empty()) (void)wiring_.journal.commit(batch);
}

void AlertDesk::sleep_until_due() {
  const auto next = wiring_.journal.outbox_next();
  if (!next) return;
  wake_after(Millis(std::clamp<std::int64_t>((*next - wall_now()).count(), 50, 60'000)));
}

void AlertDesk::wake_after(Millis wait) {
  const auto at = std::chrono::steady_clock::now() + wait;
  if (waiting_ && timer_.expiry() <= at) return;  // or a storm of alerts would put the sending off for ever
  waiting_ = true;
  timer_.expires_at(at);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    waiting_ = false;
    send_due();
  });
}

}  // namespace understudy::runtime
