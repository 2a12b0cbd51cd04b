#include "desk.hpp"

#include <algorithm>

#include "update.hpp"

namespace telegram_plugin {
namespace {

using namespace understudy::sdk;
using Action = Button::Action;

constexpr std::size_t longest_note = 200;  // of a callback's answer
constexpr std::size_t longest_plan = 3'000, longest_label = 64, most_boards = 100;
constexpr std::size_t most_strangers = 100;
constexpr Millis note_budget{10'000}, quick{10'000}, slow{60'000};

const std::string stale = "This button is out of date: nothing was done. Use the newest message, or /status.";

struct Known {
  const char* word;
  Action action;
  const char* label;
};
constexpr Known known_actions[] = {{"acknowledge", Action::acknowledge, "Acknowledge"},
                                   {"promote", Action::promote, "Promote…"},
                                   {"failback", Action::failback, "Fail back…"}};

std::string group_of_question(const std::string& incident) { return "question " + incident; }

/// "Promote trader to spare"
std::string deed(const Button& b) {
  const bool promote = b.action == Action::promote || b.action == Action::yes_promote;
  return (promote ? "Promote " : "Fail back ") + b.service + (b.target.empty() ? "" : " to " + b.target);
}

}  // namespace

// ---- the message of an incident -----------------------------------------------------------------------------------

Keyboard Desk::buttons_for(const std::string& incident, const Offer& offer) {
  std::vector<Button> row;
  for (const auto& [word, action, label] : known_actions) {
    if (settings_.commands && std::ranges::find(offer.actions, word) != offer.actions.end())
      row.push_back(
          {action, label, incident, offer.service, action == Action::acknowledge ? "" : offer.target, offer.index});
  }
  const auto now = moment(host_).monotonic;
  return buttons_.make(incident, row, now, now + settings_.button_expiry);
}

void Desk::shown(const std::string& incident, const Offer& offer, const Posted& where, std::uint64_t batch) {
  buttons_.settle(incident, batch);
  const std::lock_guard lock(mutex_);
  if (boards_.size() >= most_boards && !boards_.contains(incident)) boards_.erase(boards_.begin());
  boards_[incident] = {offer, where};
}

/// Buttons are used up by a press: the message gets new ones.
void Desk::refresh(const std::string& incident, const std::string& without) {
  office_.errand("the buttons of an alert cannot be renewed", [this, incident, without](Millis until) {
    Board board;
    {
      const std::lock_guard lock(mutex_);
      const auto it = boards_.find(incident);
      if (it == boards_.end()) return;
      std::erase(it->second.offer.actions, without);
      board = it->second;
    }
    const auto keyboard = buttons_for(incident, board.offer);
    if (courier_.edit_buttons(board.where, keyboard.markup, until)) buttons_.settle(incident, keyboard.batch);
  });
}

// ---- updates ------------------------------------------------------------------------------------------------------

void Desk::update(const Json& update, const Moment& now) {
  if (const auto it = update.find("callback_query"); it != update.end()) return press(*it, now);
  if (const auto it = update.find("message"); it != update.end()) message(*it, now);
}

bool Desk::is_our_chat(const Json& chat) const {
  const Json ours = courier_.current(settings_.chat);
  if (ours.is_number_integer()) return chat.value("id", std::int64_t{0}) == ours.get<std::int64_t>();
  return "@" + chat.value("username", "") == ours.get<std::string>();
}

void Desk::message(const Json& in, const Moment& now) {
  const Json chat = in.value("chat", Json::object());
  if (in.contains("migrate_to_chat_id") && is_our_chat(chat))
    return courier_.moved(chat.at("id"), in.at("migrate_to_chat_id").get<std::int64_t>());
  const auto text = in.value("text", "");
  if (text.empty() || text.front() != '/') return;
  const auto person = Person::from(in.value("from", Json::object()));
  const bool ours = is_our_chat(chat);
  if (!listed(person.id)) {
    stranger(person, "command");
    if (ours && strangers_.size() < most_strangers && strangers_.insert(person.id).second) reply(in, refusal(person));
    return;
  }
  // In another group the answer would be read by strangers.
  if (!ours && chat.value("type", "") != "private") return;
  if (sent_at(in) + settings_.command_age >= now.wall) return command(in, person);
  host_.log(LogLevel::warning, "a command that waited too long was not carried out", {{"by", person.by()}});
  reply(in, "That waited too long while nobody listened, and was not carried out. Send it again if you still want it.");
}

void Desk::stranger(const Person& person, const char* what) {
  host_.log(LogLevel::info, std::string("a ") + what + " of someone not listed in `users` was ignored",
            {{"id", person.id}, {"name", person.name}});
}

std::string Desk::refusal(const Person& person) {
  return "You may not do that: your id, " + std::to_string(person.id) + ", is not listed in `users`.";
}

void Desk::reply(const Json& message, const std::string& text) {
  office_.mail({message.at("chat").at("id"), topic_of(message), lines_of(text), nullptr,
                message.value("message_id", std::int64_t{0}), false});
}

// ---- presses ------------------------------------------------------------------------------------------------------

void Desk::press(const Json& query, const Moment& now) {
  Press out;
  out.person = Person::from(query.value("from", Json::object()));
  out.query = query.at("id").get<std::string>();
  if (!listed(out.person.id)) {
    stranger(out.person, "press");
    return answer_query(out.query, refusal(out.person), true);
  }
  const auto taken = buttons_.take(query.value("data", ""), now.monotonic);
  if (!taken.button) {
    return answer_query(out.query, taken.expired ? "This button has expired: nothing was done. See /status." : stale,
                        true);
  }
  const Json message = query.value("message", Json::object());
  const Json chat = message.value("chat", Json::object());
  out.where = {chat.value("id", Json()), message.value("message_id", std::int64_t{0})};
  out.topic = topic_of(message);
  out.button = *taken.button;
  act(out);
}

void Desk::act(const Press& press) {
  switch (press.button.action) {
    case Action::acknowledge: return acknowledge(press);
    case Action::promote:
    case Action::failback: return question(press);
    case Action::yes_promote:
    case Action::yes_failback: return confirmed(press);
    case Action::cancel: return call_off(press);
  }
}

void Desk::acknowledge(const Press& p) {
  const auto& b = p.button;
  ask(host_, {"acknowledge", b.service, "", b.incident, b.index, p.person.by()}, quick,
      [this, p](const Outcome& outcome) {
        answer_query(p.query, outcome.text, !outcome.done);
        refresh(p.button.incident, outcome.done ? "acknowledge" : "");
      });
}

/// The first press changes nothing: it shows what the second would do, for the state as it is now.
void Desk::question(const Press& p) {
  answer_query(p.query, "A question follows.", false);
  const bool promote = p.button.action == Action::promote;
  ask(host_, {promote ? "plan" : "status", p.button.service, p.button.target, p.button.incident, -1, p.person.by()},
      quick, [this, p](const Outcome& outcome) {
        put_question(p, outcome);
        refresh(p.button.incident, "");
      });
}

void Desk::put_question(const Press& p, const Outcome& outcome) {
  if (!outcome.done) return office_.mail({p.where.chat, p.topic, lines_of(outcome.text), nullptr, p.where.id, false});
  Button yes = p.button;
  yes.action = p.button.action == Action::promote ? Action::yes_promote : Action::yes_failback;
  yes.index = outcome.index;
  if (p.button.action == Action::promote && !outcome.target.empty()) yes.target = outcome.target;
  yes.label = "Yes, " + one_line(deed(yes), longest_label);
  Button no = yes;
  no.action = Action::cancel;
  no.label = "Cancel";
  Lines text{{{deed(yes) + "?", Piece::Style::bold}}};
  for (auto& line : lines_of(cut(outcome.text, longest_plan))) text.push_back(std::move(line));
  text.push_back(
      {{"One press, within " + std::to_string(settings_.confirm_within.count() / 1'000) + " s, for exactly this.",
        Piece::Style::italic}});
  const auto ask_back = [this, p, yes, no, text](const Moment& now) {
    const auto group = group_of_question(p.button.incident);
    const auto keyboard = buttons_.make(group, {yes, no}, now.monotonic, now.monotonic + settings_.confirm_within);
    buttons_.settle(group, keyboard.batch);  // an older question is void
    office_.mail({p.where.chat, p.topic, text, keyboard.markup, p.where.id, false});
  };
  with_moment(host_, ask_back, [this](const Error& error) {
    host_.log(LogLevel::warning, "a question was not asked, because the clock cannot be read: " + error.message);
  });
}

void Desk::confirmed(const Press& p) {
  const auto& b = p.button;
  answer_query(p.query, deed(b) + ": asked for.", false);
  const auto* action = b.action == Action::yes_promote ? "promote" : "failback";
  ask(host_, {action, b.service, b.target, b.incident, b.index, p.person.by()}, slow,
      [this, p](const Outcome& outcome) {
        Lines text{{{deed(p.button) + " – " + p.person.name, Piece::Style::bold}}};
        for (auto& line : lines_of(cut(outcome.text, longest_plan))) text.push_back(std::move(line));
        close_question(p, text);
      });
}

void Desk::call_off(const Press& p) {
  answer_query(p.query, "Cancelled: nothing was done.", false);
  close_question(p, {{{"Cancelled by " + p.person.name + ": nothing was done."}}});
}

void Desk::close_question(const Press& p, const Lines& text) {
  office_.errand("what became of a question cannot be told", [this, p, text](Millis until) {
    if (!courier_.edit(p.where, text, nullptr, until))
      (void)courier_.send({p.where.chat, p.topic, text, nullptr, 0, false}, until);
  });
}

void Desk::answer_query(const std::string& query, const std::string& text, bool loud) {
  const Json params = {{"callback_query_id", query}, {"text", cut(text, longest_note)}, {"show_alert", loud}};
  api_.start("answerCallbackQuery", params, note_budget, [this](const Answer& answer) {
    if (answer.ok() || answer.error.status == Status::cancelled || answer.says("query is too old")) return;
    host_.log(LogLevel::warning, "a press was not answered: " + answer.error.message, {{"hint", answer.error.hint}});
  });
}

}  // namespace telegram_plugin
