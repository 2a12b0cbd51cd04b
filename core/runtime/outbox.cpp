#include "core/runtime/outbox.hpp"

#include <algorithm>
#include <iterator>
#include <random>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/alerts/delivery.hpp"
#include "core/answers/notifier.hpp"

namespace understudy::runtime {
namespace {

using sdk::Json;

constexpr Millis send_budget{30'000};
/// A failover tells much in its first milliseconds, and sending writes to the journal: acting comes first.
constexpr Millis after_acting{25}, between_deliveries{1}, store_again_after{1'000};
constexpr Millis longest_silence{60'000};  // that a notifier may ask for: what is new tries it again after that
constexpr Millis clock_slack{1'000};       // a clock that is slewed moves less between two looks
constexpr Millis longest_wait{600'000};    // over a restart: more is a clock that was set back meanwhile
constexpr std::size_t largest_thread = 16 * 1024;

std::uint64_t random64() {
  static thread_local std::mt19937_64 engine{std::random_device{}()};
  return engine();
}

Millis wall_ahead_of_steady() {
  const auto steady = std::chrono::steady_clock::now().time_since_epoch();
  return wall_now().time_since_epoch() - std::chrono::duration_cast<Millis>(steady);
}

std::string thread_key(const journal::OutboxRow& row) {
  return row.notifier.value + "|" + row.alert.value("incident", "");
}

/// The row by which another notifier tells it.
std::string in_place_of(const journal::OutboxRow& row, const NotifierId& other) { return row.id + "-" + other.value; }

bool for_good(sdk::Status status) {
  return status == sdk::Status::denied || status == sdk::Status::invalid || status == sdk::Status::unsupported;
}

int rank(const Json& alert) {
  const auto severity = alert.value("severity", "info");
  return severity == "critical" ? 2 : severity == "warning" ? 1 : 0;
}

/// Several alerts of an incident as one: the newest, with a line for each before it.
Json joined(const std::vector<journal::OutboxRow>& rows) {
  Json out = rows.back().alert;
  out["id"] = rows.front().id;
  std::string lines;
  for (const auto& row : rows) {
    const auto at = local_tm(WallTime(Millis(row.alert.value("at_ms", std::int64_t{0}))));
    lines += fmt::format("{:%H:%M:%S} {}\n", at, row.alert.value("title", ""));
    if (rank(row.alert) > rank(out)) out["severity"] = row.alert.at("severity");
  }
  const auto text = out.value("text", "");
  out["text"] = text.empty() ? lines : lines + text;
  out["facts"]["joined"] = std::to_string(rows.size());
  return out;
}

}  // namespace

Outbox::Outbox(const Wiring& wiring, const config::Config& config,
               std::function<void(const std::optional<journal::Problem>&)> stored)
    : wiring_(wiring), stored_(std::move(stored)), timer_(wiring.loop), wall_ahead_(wall_ahead_of_steady()) {
  for (const auto& n : config.notifiers) {
    auto made = wiring.registry.make(wiring.for_plugins(), n.use, "notifier", "notifier/" + n.id.value, "", "");
    if (auto* error = std::get_if<plugins::LoadError>(&made)) {
      wiring.log.write(host::Level::error, "alerts", error->message, {{"hint", error->hint}});
      continue;
    }
    notifiers_[n.id] = std::move(std::get<std::unique_ptr<plugins::Instance>>(made));
  }
}

void Outbox::poke() { wake_after(after_acting); }

void Outbox::send_now(const NotifierId& notifier, Json alert, std::function<void(sdk::Result)> done) {
  const auto it = notifiers_.find(notifier);
  if (it == notifiers_.end())
    return done({{}, {sdk::Status::unsupported, "the notifier could not be made; the log says why", {}, {}, {}}});
  it->second->call("notify.send/1", {{"alert", std::move(alert)}}, send_budget, std::move(done));
}

void Outbox::send_due() {
  std::vector<Sending> all;
  journal::Batch sending;
  if (!store_ends()) return wake_after(store_again_after);
  look_at_clock();
  for (auto& row : due()) {
    if (in_flight_[row.notifier] > 0 || asked_to_wait(row.notifier)) continue;  // in order, one at a time for each
    if (const auto later = waits_until(row)) {
      sending.push_back(journal::OutboxUpdate{row.id, journal::OutboxState::queued, row.attempt, *later, ""});
      continue;
    }
    ++in_flight_[row.notifier];
    all.push_back(gather(std::move(row)));
    // Stored before the call: after a crash it is sent again, marked as a possible duplicate.
    const auto mark = [&](const journal::OutboxRow& r) {
      sending.push_back(journal::OutboxUpdate{r.id, journal::OutboxState::sending, r.attempt + 1, r.not_before, ""});
    };
    mark(all.back().row);
    for (const auto& other : all.back().joined) mark(other);
  }
  const bool stored = sending.empty() || commit(sending);
  for (const auto& one : all) {
    if (stored) {
      send(one);
    } else {
      --in_flight_[one.row.notifier];
    }
  }
  if (!stored) return wake_after(store_again_after);
  sleep_until_due();
}

/// Oldest first; but a notifier that fails is asked for what is new before what it did not take many times, or it would
/// never be asked for that while it hangs.
std::vector<journal::OutboxRow> Outbox::due() const {
  auto out = wiring_.journal.outbox_due(wall_now(), alerts::attempts_before_hand_over);
  std::ranges::stable_partition(out, [this](const journal::OutboxRow& row) {
    return row.attempt < alerts::attempts_before_hand_over || !failing_.contains(row.notifier);
  });
  return out;
}

std::optional<WallTime> Outbox::waits_until(const journal::OutboxRow& due) const {
  for (const auto& older : wiring_.journal.outbox_before(due)) {
    if (!handed_over(older)) return older.not_before;
  }
  return std::nullopt;
}

void Outbox::look_at_clock() {
  const auto ahead = wall_ahead_of_steady();
  if (ahead < wall_ahead_ - clock_slack) {
    wiring_.log.write(host::Level::warning, "alerts", "the clock was set back; what waits to be sent is tried now");
    if (wiring_.journal.commit({journal::OutboxHasten{{}, wall_now()}})) return;
  }
  wall_ahead_ = ahead;
  if (!looked_ && wiring_.journal.outbox_next() &&
      wiring_.journal.commit({journal::OutboxHasten{{}, wall_now() + longest_wait}}))
    return;
  looked_ = true;
}

bool Outbox::commit(const journal::Batch& batch) {
  const auto problem = wiring_.journal.commit(batch);
  stored_(problem);
  return !problem;
}

bool Outbox::store_ends() {
  if (!ends_.empty() && !commit(ends_)) return false;
  ends_.clear();
  return true;
}

bool Outbox::asked_to_wait(const NotifierId& notifier) const {
  const auto it = not_before_.find(notifier);
  return it != not_before_.end() && std::chrono::steady_clock::now() < it->second;
}

/// In the order in which it happened: the last says how things stand.
Outbox::Sending Outbox::gather(journal::OutboxRow row) {
  const auto incident = row.alert.value("incident", "");
  if (incident.empty() || !row.alert.value("group", false)) return {std::move(row), {}};
  auto all = wiring_.journal.outbox_group(row.notifier, incident);
  if (all.empty()) return {std::move(row), {}};
  Sending out{std::move(all.front()), {}};
  out.joined.assign(std::make_move_iterator(all.begin() + 1), std::make_move_iterator(all.end()));
  return out;
}

void Outbox::send(const Sending& sending) {
  const auto& row = sending.row;
  std::vector<journal::OutboxRow> all{row};
  all.insert(all.end(), sending.joined.begin(), sending.joined.end());
  Json alert = all.size() > 1 ? joined(all) : row.alert;
  alert.erase("group");
  alert["possible_duplicate"] = std::ranges::any_of(all, &journal::OutboxRow::possible_duplicate);
  if (!alert.value("incident", "").empty())
    alert["thread"] = wiring_.journal.document("thread", thread_key(row)).value_or(Json::object());
  send_now(row.notifier, std::move(alert), [this, sending, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (!alive.expired()) finished(sending, result);
  });
}

void Outbox::finished(const Sending& sending, const sdk::Result& result) {
  answers::Delivered told;
  if (result.ok()) told = answers::delivered(result.value);  // first: it may throw, and then we are asked again
  --in_flight_[sending.row.notifier];
  journal::Batch batch;
  if (result.ok()) {
    failing_.erase(sending.row.notifier);
  } else {
    failing_.insert(sending.row.notifier);
    hand_over_what_waits(sending, batch);
  }
  const auto close = [&](const journal::OutboxRow& row) {
    if (!result.ok()) return after_failure(row, result.error, batch);
    batch.push_back(
        journal::OutboxUpdate{row.id, journal::OutboxState::sent, row.attempt + 1, row.not_before, told.receipt});
  };
  close(sending.row);
  for (const auto& other : sending.joined) close(other);
  if (result.ok()) {
    keep_thread(sending.row, told.thread, batch);
    // It can be reached again: nothing waits any longer.
    if (sending.row.attempt > 0) batch.push_back(journal::OutboxHasten{sending.row.notifier, wall_now()});
  } else {
    wiring_.log.write(host::Level::warning, "alerts",
                      "not delivered to " + sending.row.notifier.value + ": " + result.error.message);
  }
  ends_.insert(ends_.end(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
  wake_after(store_ends() ? between_deliveries : store_again_after);
}

void Outbox::keep_thread(const journal::OutboxRow& row, const Json& thread, journal::Batch& batch) {
  if (thread.empty() || row.alert.value("incident", "").empty()) return;
  if (thread.dump(-1, ' ', false, Json::error_handler_t::replace).size() > largest_thread) {
    wiring_.log.write(host::Level::warning, "alerts", row.notifier.value + " answered a thread of more than 16 KiB");
    return;
  }
  batch.push_back(journal::DocumentPut{"thread", thread_key(row), thread, wall_now()});
}

void Outbox::after_failure(const journal::OutboxRow& row, const sdk::Error& error, journal::Batch& batch) {
  const bool refused = for_good(error.status);
  const alerts::Attempted attempted{.attempt = row.attempt + 1,
                                    .refused = refused,
                                    .told_elsewhere = refused && told_elsewhere(row),
                                    .in_anothers_place = row.alert.contains("fallback_for"),
                                    .retry_after = error.retry_after};
  const auto next = alerts::after_failure(attempted, random64());
  if (next.hand_over) hand_over(row, batch);
  if (error.retry_after)
    not_before_[row.notifier] = std::chrono::steady_clock::now() + std::min(*error.retry_after, longest_silence);
  const auto state = next.give_up ? journal::OutboxState::dead : journal::OutboxState::queued;
  batch.push_back(journal::OutboxUpdate{row.id, state, attempted.attempt, wall_now() + next.wait, error.message});
}

/// The notifier stays down: the others tell instead, and say so. What they were told already stays as it is.
void Outbox::hand_over(const journal::OutboxRow& row, journal::Batch& batch) const {
  for (const auto& [id, instance] : notifiers_) {
    if (id == row.notifier) continue;
    Json alert = row.alert;
    alert["fallback_for"] = row.notifier.value;
    alert["text"] = alert.value("text", "") + " (told here because " + row.notifier.value + " cannot be reached)";
    batch.push_back(journal::OutboxPut{in_place_of(row, id), id, std::move(alert), wall_now()});
  }
}

/// One alert shows that the notifier is down; what goes with it and what waits behind it need not show it again.
void Outbox::hand_over_what_waits(const Sending& sending, journal::Batch& batch) const {
  std::vector<journal::OutboxRow> all{sending.row};
  all.insert(all.end(), sending.joined.begin(), sending.joined.end());
  const bool down = std::ranges::any_of(
      all, [](const journal::OutboxRow& row) { return row.attempt + 1 >= alerts::attempts_before_hand_over; });
  const auto incident = sending.row.alert.value("incident", "");
  if (!down || incident.empty() || notifiers_.size() < 2) return;
  std::ranges::move(wiring_.journal.outbox_group(sending.row.notifier, incident), std::back_inserter(all));
  for (const auto& row : all) {
    if (!row.alert.contains("fallback_for") && !handed_over(row)) hand_over(row, batch);
  }
}

bool Outbox::handed_over(const journal::OutboxRow& row) const {
  return row.attempt >= alerts::attempts_before_hand_over || std::ranges::any_of(notifiers_, [&](const auto& other) {
           return wiring_.journal.outbox_state(in_place_of(row, other.first)).has_value();
         });
}

bool Outbox::told_elsewhere(const journal::OutboxRow& row) const {
  return std::ranges::any_of(notifiers_, [&](const auto& other) {
    return wiring_.journal.outbox_state(in_place_of(row, other.first)) == journal::OutboxState::sent;
  });
}

void Outbox::sleep_until_due() {
  const auto next = wiring_.journal.outbox_next();
  if (!next) return;
  const bool waits = std::ranges::any_of(not_before_, [this](const auto& one) { return asked_to_wait(one.first); });
  const std::int64_t shortest = waits ? 1'000 : 50;
  wake_after(Millis(std::clamp<std::int64_t>((*next - wall_now()).count(), shortest, 60'000)));
}

void Outbox::wake_after(Millis wait) {
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
