// The notifier: one mail an alert, one after the other, on a worker thread, since libcurl's SMTP is straight code.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "letter.hpp"
#include "session.hpp"
#include "settings.hpp"
#include "understudy/plugin.hpp"

namespace smtp_plugin {

class Notifier final : public understudy::sdk::Notifier {
 public:
  Notifier(understudy::sdk::Host& host, const understudy::sdk::Envelope& e)
      : host_(host), settings_(Settings::from_json(e.settings)) {}
  ~Notifier() override { closing_.store(true); }  // the worker's mail ends within about a second

  void send(const understudy::sdk::Alert& alert, understudy::sdk::Reply<understudy::sdk::Receipt> reply) override;

 private:
  using KeptReply = std::shared_ptr<understudy::sdk::Reply<understudy::sdk::Receipt>>;

  /// Answers `reply` as soon as the server has the message. Throws Failure when it does not get it.
  void deliver(const understudy::sdk::Alert& alert, const KeptReply& reply, Session::Clock::time_point deadline);
  std::string password(Session::Clock::time_point deadline);
  void tell_refusals(const Dialogue& dialogue);

  understudy::sdk::Host& host_;
  const Settings settings_;
  std::atomic<bool> closing_{false};
  understudy::sdk::Worker worker_;  // last: its tasks use the rest
};

}  // namespace smtp_plugin
