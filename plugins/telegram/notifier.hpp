// Alerts as messages: one for an incident, edited as it goes on, and one for each alert that belongs to none.
#pragma once

#include <deque>

#include "desk.hpp"
#include "incident.hpp"
#include "listener.hpp"
#include "understudy/plugin.hpp"

namespace telegram_plugin {

class Notifier final : public understudy::sdk::Notifier {
 public:
  Notifier(understudy::sdk::Host& host, const understudy::sdk::Envelope& envelope);
  void send(const understudy::sdk::Alert& alert, understudy::sdk::Reply<understudy::sdk::Receipt> reply) override;

 private:
  /// How far a delivery came that is not finished: the core sends it again, and it goes on from there.
  struct Progress {
    std::string alert;
    std::size_t parts = 0;
    understudy::sdk::Receipt receipt;
  };

  understudy::sdk::Receipt deliver(const understudy::sdk::Alert& alert, understudy::sdk::Millis until);
  void tell_alone(const understudy::sdk::Alert& alert, Progress& progress, understudy::sdk::Millis until);
  void tell_incident(const understudy::sdk::Alert& alert, Progress& progress, understudy::sdk::Millis until);
  Posted place(const understudy::sdk::Alert& alert, const Incident& incident, const Keyboard& keyboard,
               understudy::sdk::Millis until);
  [[nodiscard]] bool silent(const understudy::sdk::Alert& alert) const;
  Progress& progress_of(const std::string& alert);
  void finished(const std::string& alert);

  understudy::sdk::Host& host_;
  const Settings settings_;
  Api api_;
  Courier courier_;
  std::deque<Progress> unfinished_;  // [worker]
  PostOffice office_;
  Desk desk_;
  Listener listener_;
  understudy::sdk::Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace telegram_plugin
