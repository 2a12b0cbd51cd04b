// Deliveries on their way out: taken from the journal's outbox, sent at least once with retries, in order for each
// notifier, and handed to the other notifiers when one stays down. What belongs to one incident can go out as one
// message. On the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "core/config/config.hpp"
#include "core/runtime/wiring.hpp"

namespace understudy::runtime {

class Outbox {
 public:
  /// Makes the notifiers; those that cannot be made are logged, and their deliveries go to the others.
  /// `stored` hears what came of each write to the journal.
  Outbox(const Wiring& wiring, const config::Config& config,
         std::function<void(const std::optional<journal::Problem>&)> stored);

  /// Sends what is due, a moment later.
  void poke();
  /// Past the queue, once, for a test: the notifier's own answer.
  void send_now(const NotifierId& notifier, nlohmann::json alert, std::function<void(sdk::Result)> done);

 private:
  /// One message: a row, and others of its incident that go with it.
  struct Sending {
    journal::OutboxRow row;
    std::vector<journal::OutboxRow> joined;
  };
  void send_due();
  [[nodiscard]] std::vector<journal::OutboxRow> due() const;
  /// Until when a row that is due waits for what was queued before it of the same incident: an end is not told before
  /// its beginning. Not for what has been handed to the others.
  [[nodiscard]] std::optional<WallTime> waits_until(const journal::OutboxRow& due) const;
  /// Stores what ended. What cannot be stored now is kept, and nothing is sent until it is.
  [[nodiscard]] bool store_ends();
  /// What waits for a time of a clock that was set back is due now; after a start, when nobody saw the clock, soon.
  void look_at_clock();
  [[nodiscard]] bool asked_to_wait(const NotifierId& notifier) const;
  void wake_after(Millis wait);
  [[nodiscard]] Sending gather(journal::OutboxRow row);
  void send(const Sending& sending);
  void finished(const Sending& sending, const sdk::Result& result);
  void after_failure(const journal::OutboxRow& row, const sdk::Error& error, journal::Batch& batch);
  void keep_thread(const journal::OutboxRow& row, const sdk::Json& thread, journal::Batch& batch);
  [[nodiscard]] bool commit(const journal::Batch& batch);
  void hand_over(const journal::OutboxRow& row, journal::Batch& batch) const;
  void hand_over_what_waits(const Sending& sending, journal::Batch& batch) const;
  [[nodiscard]] bool handed_over(const journal::OutboxRow& row) const;
  [[nodiscard]] bool told_elsewhere(const journal::OutboxRow& row) const;
  void sleep_until_due();

  const Wiring& wiring_;
  std::function<void(const std::optional<journal::Problem>&)> stored_;
  std::map<NotifierId, std::unique_ptr<plugins::Instance>> notifiers_;
  std::map<NotifierId, int> in_flight_;
  std::set<NotifierId> failing_;  ///< did not take the last that they were sent since the start
  journal::Batch ends_;           ///< of deliveries, not stored yet
  std::map<NotifierId, std::chrono::steady_clock::time_point> not_before_;  ///< by its own word (retry_after)
  boost::asio::steady_timer timer_;
  Millis wall_ahead_;    ///< of the steady clock, when last looked at
  bool looked_ = false;  ///< since the start
  bool waiting_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::runtime
