#include "notifier.hpp"

#include <algorithm>
#include <charconv>

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t most_unfinished = 64;
constexpr Millis to_answer{200};  // of the budget, so that the answer is ours and not the deadline's

std::int64_t index_of(const Alert& alert) {
  const auto it = alert.facts.find("index");
  if (it == alert.facts.end()) return -1;
  if (it->is_number_integer()) return it->get<std::int64_t>();
  std::int64_t out = -1;
  if (it->is_string()) {
    const auto& text = it->get_ref<const std::string&>();
    if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc()) return -1;
  }
  return out;
}

/// A promotion's target is the plan's, not the site that the alert is about.
std::string candidate_of(const Alert& alert) {
  const auto it = alert.facts.find("candidate");
  return it != alert.facts.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string receipt_of(const Posted& where) { return name_of(where.chat) + ":" + std::to_string(where.id); }

}  // namespace

Notifier::Notifier(Host& host, const Envelope& envelope)
    : host_(host),
      settings_(Settings::from(envelope.settings)),
      api_(host, settings_),
      courier_(host, api_, settings_),
      office_(host, courier_, worker_),
      desk_(host, api_, courier_, office_, settings_),
      listener_(
          host, api_, settings_, [this](const std::string& name) { desk_.known_as(name); },
          [this](const Json& update, const Moment& now) { desk_.update(update, now); }) {
  if (settings_.commands) listener_.start();
}

void Notifier::send(const Alert& alert, Reply<Receipt> reply) {
  const auto budget = reply.budget();
  const auto kept = share(std::move(reply));
  const auto begin = [this, alert, budget, kept](const Moment& now) {
    worker_.post([this, alert, kept, until = now.monotonic + budget - to_answer] {
      try {
        (*kept)(deliver(alert, until));
      } catch (const Failure& failure) {
        kept->fail(failure.error());
      } catch (const std::exception& e) {
        kept->fail(Status::unknown, e.what());
      }
    });
  };
  with_moment(host_, begin, [kept](const Error& error) {
    kept->fail(Status::transient, "nothing was sent, because the clock cannot be read: " + error.message);
  });
}

Receipt Notifier::deliver(const Alert& alert, Millis until) {
  const auto id = told_id(alert);
  auto& progress = progress_of(id);
  const auto tell = alert.incident.empty() ? &Notifier::tell_alone : &Notifier::tell_incident;
  try {
    (this->*tell)(alert, progress, until);
  } catch (const Failure& failure) {
    if (progress.parts == 0) throw;
    // Something of it is in the chat already.
    Error error = failure.error();
    if (error.status == Status::transient) error.status = Status::unknown;
    throw Failure(error);
  }
  const Receipt out = progress.receipt;
  finished(id);
  return out;
}

void Notifier::tell_alone(const Alert& alert, Progress& progress, Millis until) {
  const auto parts = split(render_alone(alert, settings_));
  while (progress.parts < parts.size()) {
    const auto where =
        courier_.send({settings_.chat, settings_.topic, parts[progress.parts], nullptr, 0, silent(alert)}, until);
    if (++progress.parts == 1) progress.receipt.id = receipt_of(where);
  }
}

void Notifier::tell_incident(const Alert& alert, Progress& progress, Millis until) {
  const Json& thread = progress.parts > 0 ? progress.receipt.thread : alert.thread;
  auto incident = Incident::from(thread, settings_);
  const bool goes_on = incident.message.has_value();
  if (progress.parts == 0) {
    incident.add(alert);
    incident.actions = actions_for(alert, incident.actions);
    const Offer offer{alert.service, candidate_of(alert), index_of(alert), incident.actions};
    const auto keyboard = desk_.buttons_for(alert.incident, offer);
    incident.message = place(alert, incident, keyboard, until);
    desk_.shown(alert.incident, offer, *incident.message, keyboard.batch);
    progress.receipt = {receipt_of(*incident.message), incident.to_json(settings_)};
    if (!goes_on || !deserves_reply(alert, settings_)) return;
    progress.parts = 1;
  }
  (void)courier_.send(
      {incident.message->chat, settings_.topic, render_reply(alert), nullptr, incident.message->id, false}, until);
}

/// The message of the incident: edited, or sent when there is none (any more).
Posted Notifier::place(const Alert& alert, const Incident& incident, const Keyboard& keyboard, Millis until) {
  const auto text = incident.render(alert, settings_);
  if (incident.message && courier_.edit(*incident.message, text, keyboard.markup, until)) return *incident.message;
  return courier_.send({settings_.chat, settings_.topic, text, keyboard.markup, 0, silent(alert)}, until);
}

bool Notifier::silent(const Alert& alert) const {
  return alert.state == "event" && settings_.quiet.contains(alert.severity);
}

Notifier::Progress& Notifier::progress_of(const std::string& alert) {
  const auto it = std::ranges::find(unfinished_, alert, &Progress::alert);
  if (it != unfinished_.end() && !alert.empty()) return *it;
  if (unfinished_.size() == most_unfinished) unfinished_.pop_front();
  return unfinished_.emplace_back(Progress{alert, 0, {}});
}

void Notifier::finished(const std::string& alert) {
  std::erase_if(unfinished_, [&](const Progress& p) { return p.alert == alert; });
}

}  // namespace telegram_plugin
