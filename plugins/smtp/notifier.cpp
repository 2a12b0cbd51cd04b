#include "notifier.hpp"

#include <algorithm>

#include "encode.hpp"
#include "verdict.hpp"

namespace smtp_plugin {
namespace {

using namespace understudy::sdk;
using Clock = Session::Clock;

Millis left(Clock::time_point deadline) {
  return std::max(std::chrono::duration_cast<Millis>(deadline - Clock::now()), Millis(1));
}

}  // namespace

void Notifier::send(const Alert& alert, Reply<Receipt> reply) {
  // A little less than we were given, or a timeout of ours and of the caller's would race.
  const auto budget = reply.budget() - std::min(reply.budget() / 10, Millis(200));
  const auto deadline = Clock::now() + budget;
  worker_.post([this, alert, deadline, kept = share(std::move(reply))] {
    try {
      deliver(alert, kept, deadline);
    } catch (const Failure& failure) {
      kept->fail(failure.error());
    } catch (const std::exception& e) {
      kept->fail(Status::unknown, e.what());
    }
  });
}

void Notifier::deliver(const Alert& alert, const KeptReply& reply, Clock::time_point deadline) {
  const auto unwanted = [&] { return closing_.load() || reply->cancelled(); };
  if (unwanted()) throw Failure(Status::cancelled, "the mail was not sent: cancelled");
  if (Clock::now() >= deadline)
    throw Failure(Status::transient, "the mail was not sent: the mails before it took all the time there was");
  const auto secret = password(deadline);
  std::int64_t now_ms = alert.at_ms;
  if (now_ms <= 0)
    now_ms = host_.blocking("clock.now/1", Json::object(), left(deadline)).get().value("wall_ms", std::int64_t{0});
  const auto letter = write_letter(settings_, alert, now_ms);
  Session session(settings_, secret, {unwanted, [&] { (*reply)(Receipt{letter.message_id, Json::object()}); }});
  session.run(letter, std::min(deadline, Clock::now() + settings_.timeout));
  if (session.dialogue().accepted()) return tell_refusals(session.dialogue());
  Error error =
      explain({settings_, session.dialogue(), session.code(), session.problem(), session.os_error(), unwanted()});
  throw Failure(std::move(error));
}

std::string Notifier::password(Clock::time_point deadline) {
  if (settings_.password_key.empty()) return {};
  auto text =
      host_.blocking("secret.get/1", {{"key", settings_.password_key}}, left(deadline)).get().value("value", "");
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    throw Failure(Status::invalid, "the password holds a line break or a control character", "write it on one line");
  return text;
}

void Notifier::tell_refusals(const Dialogue& dialogue) {
  for (const auto& r : dialogue.refusals()) {
    host_.log(LogLevel::warning, "the mail server " + settings_.place() + " takes no mail for " + r.address + ": " +
                                     std::to_string(r.code) + " " + cut(one_line(r.text), 300) +
                                     "; the others have it");
  }
}

}  // namespace smtp_plugin
