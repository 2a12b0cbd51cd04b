// Errands for the thread on which messages are brought, and messages that nobody else would try again: answers to
// commands.
#pragma once

#include <atomic>
#include <memory>

#include "courier.hpp"
#include "understudy/host.hpp"

namespace telegram_plugin {

class PostOffice {
 public:
  /// `worker` must end before anything that an errand uses: declare it last.
  PostOffice(understudy::sdk::Host& host, Courier& courier, understudy::sdk::Worker& worker)
      : host_(host), courier_(courier), worker_(worker) {}

  /// Runs `work` where the courier may be used. [any thread]
  void post(std::function<void()> work) { worker_.post(std::move(work)); }
  /// post() with a deadline of its own; what `work` throws is logged as the failure of `what`.
  void errand(const std::string& what, std::function<void(understudy::sdk::Millis until)> work);
  /// Sends in as many parts as it needs, and again a few times when the chat has to wait. Too many at once are
  /// dropped: a person who types faster than Telegram lets us answer can wait. [any thread]
  void mail(const Message& message);

 private:
  struct Letter;
  void carry(const std::shared_ptr<Letter>& letter);
  void again(const std::shared_ptr<Letter>& letter, const understudy::sdk::Error& error);

  understudy::sdk::Host& host_;
  Courier& courier_;
  understudy::sdk::Worker& worker_;
  std::atomic<int> under_way_{0};
};

}  // namespace telegram_plugin
