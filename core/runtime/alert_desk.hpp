// Alerts on their way out: routed, stored in the journal's outbox with the change that caused them, delivered at least
// once with retries, and handed to the other notifiers when one stays down. On the loop.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "core/alerts/routing.hpp"
#include "core/config/config.hpp"
#include "core/runtime/wiring.hpp"

namespace understudy::runtime {

class AlertDesk {
 public:
  /// Makes the notifiers; those that cannot be made are logged, and their deliveries go to the others.
  AlertDesk(const Wiring& wiring, const config::Config& config);

  /// The outbox rows for an alert, to be committed with what caused it. Then call poke().
  [[nodiscard]] journal::Batch deliveries(const Alert& alert);
  /// Stores and sends an alert that belongs to no other change.
  void tell(const Alert& alert);
  /// Sends what is due, a moment later.
  void poke();

 private:
  void send_due();
  void wake_after(Millis wait);
  void send(const journal::OutboxRow& row);
  void finished(const journal::OutboxRow& row, const sdk::Result& result);
  void hand_over(const journal::OutboxRow& row);
  void sleep_until_due();

  const Wiring& wiring_;
  const config::Config& config_;
  alerts::Router router_;
  std::map<NotifierId, std::unique_ptr<plugins::Instance>> notifiers_;
  std::map<NotifierId, int> in_flight_;
  boost::asio::steady_timer timer_;
  bool waiting_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::uint64_t next_id_;
};

}  // namespace understudy::runtime
