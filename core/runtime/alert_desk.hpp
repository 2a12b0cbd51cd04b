// What becomes of an alert: which notifiers hear it, what stays open and is said again, what is silenced, and the
// heartbeat. Everything that must survive a restart is stored in the journal with the change that caused it. On the
// loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "core/alerts/board.hpp"
#include "core/alerts/routing.hpp"
#include "core/runtime/control.hpp"
#include "core/runtime/outbox.hpp"

namespace understudy::runtime {

class AlertDesk {
 public:
  AlertDesk(const Wiring& wiring, const config::Config& config);

  /// The rows for an alert, to be committed with what caused it. Then call poke(). When that commit fails, undo() takes
  /// back what was remembered since mark().
  [[nodiscard]] journal::Batch deliveries(const Alert& alert);
  void mark();
  void undo();
  /// Stores and sends an alert that belongs to no other change; when it cannot be stored now, as soon as it can.
  void tell(const Alert& alert);
  void poke();
  /// What could not be stored yet, for the desk that takes this one's place.
  [[nodiscard]] std::deque<Alert> take_unstored() { return std::exchange(unstored_, {}); }
  [[nodiscard]] bool is_open(const Alert& alert) const;
  /// What came of storing something. While nothing can be stored no alert can wait for its delivery either: people are
  /// told past the journal, at once and again.
  void stored(const std::optional<journal::Problem>& problem);
  /// Ends what is open of services and targets that are not in the file any more: nobody else will.
  void close_strangers();

  /// {"open": [...], "silences": [...]}
  [[nodiscard]] nlohmann::json list() const;
  /// How many; -1 when that cannot be stored.
  [[nodiscard]] int acknowledge(const std::string& incident, const ServiceId& service, const std::string& who);
  /// The silence's id, or empty when it cannot be stored.
  [[nodiscard]] std::string silence(alerts::Silence silence);
  [[nodiscard]] bool end_silence(const std::string& id);
  void test(const AlertTest& test, const std::function<void(sdk::Result)>& reply);

 private:
  void restore();
  /// Until when; nothing: it is not silenced.
  [[nodiscard]] std::optional<WallTime> silenced(const Alert& alert, WallTime at) const;
  [[nodiscard]] journal::OutboxPut row(const Alert& alert, const alerts::Delivery& delivery, WallTime at);
  void remember(const std::string& key, WallTime at, journal::Batch& batch) const;
  void watch();
  void remind_in(Millis wait);
  void remind();
  void beat();
  void beat_in(Millis wait);
  void store_waiting();
  void store_waiting_later();
  void shout(const Alert& alert);
  void calm_down();

  const Wiring& wiring_;
  const config::Config& config_;
  struct Memory {
    alerts::Router router;
    alerts::Board board;
  };
  Memory memory_, before_;
  std::deque<Alert> unstored_;
  std::vector<alerts::Silence> silences_;
  std::optional<Time> unwritable_since_, unwritable_, shouted_;  ///< since when, last seen, last told
  bool shouting_ = false;
  Outbox outbox_;
  boost::asio::steady_timer again_timer_, remind_timer_, beat_timer_, calm_timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::uint64_t next_id_;
};

}  // namespace understudy::runtime
