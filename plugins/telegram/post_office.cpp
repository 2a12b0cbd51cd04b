#include "post_office.hpp"

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

constexpr int most_letters = 20, most_tries = 4;
constexpr Millis errand_time{30'000};

}  // namespace

struct PostOffice::Letter {
  explicit Letter(std::atomic<int>& count) : under_way(count) { ++under_way; }
  ~Letter() { --under_way; }
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;

  std::atomic<int>& under_way;
  Message message;
  std::vector<Lines> parts;
  std::size_t next = 0;  ///< the part that is not sent yet
  int tries = 0;
};

void PostOffice::errand(const std::string& what, std::function<void(Millis)> work) {
  post([this, what, work = std::move(work)] {
    try {
      work(moment(host_).monotonic + errand_time);
    } catch (const Failure& failure) {
      if (failure.error().status != Status::cancelled)
        host_.log(LogLevel::warning, what + ": " + failure.error().message, {{"hint", failure.error().hint}});
    }
  });
}

void PostOffice::mail(const Message& message) {
  if (under_way_.load() >= most_letters) return host_.log(LogLevel::warning, "too many answers wait: one was dropped");
  auto letter = std::make_shared<Letter>(under_way_);
  letter->message = message;
  letter->parts = split(message.text);
  post([this, letter] { carry(letter); });
}

void PostOffice::carry(const std::shared_ptr<Letter>& letter) {
  try {
    for (auto& next = letter->next; next < letter->parts.size(); ++next) {
      Message part = letter->message;
      part.text = letter->parts[next];
      if (next + 1 < letter->parts.size()) part.buttons = nullptr;  // they belong under the last part
      if (next > 0) part.reply_to = 0;
      (void)courier_.send(part, moment(host_).monotonic + errand_time);
    }
  } catch (const Failure& failure) {
    again(letter, failure.error());
  }
}

void PostOffice::again(const std::shared_ptr<Letter>& letter, const Error& error) {
  if (error.status == Status::cancelled) return;
  if (error.status != Status::transient || ++letter->tries == most_tries)
    return host_.log(LogLevel::warning, "an answer was not sent: " + error.message, {{"hint", error.hint}});
  const auto wait = error.retry_after.value_or(Millis(2'000));
  host_.call("timer.after/1", {{"ms", wait.count()}}, wait + Millis(5'000), [this, letter](const Result& result) {
    if (result.ok()) post([this, letter] { carry(letter); });
  });
}

}  // namespace telegram_plugin
