// Where listed people are served: presses of buttons and commands. Everything that is asked of Understudy goes through
// operator.request/1, which checks it again; nothing is decided here but who may ask.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "buttons.hpp"
#include "operator.hpp"
#include "people.hpp"
#include "post_office.hpp"

namespace telegram_plugin {

/// What an incident's message offers.
struct Offer {
  std::string service, target;
  std::int64_t index = -1;
  std::vector<std::string> actions;
};

class Desk {
 public:
  Desk(understudy::sdk::Host& host, Api& api, Courier& courier, PostOffice& office, const Settings& settings)
      : host_(host), api_(api), courier_(courier), office_(office), settings_(settings) {}

  /// Buttons for an incident's message; null markup when nobody would answer them. [worker]
  [[nodiscard]] Keyboard buttons_for(const std::string& incident, const Offer& offer);
  /// They are on the message now. [worker]
  void shown(const std::string& incident, const Offer& offer, const Posted& where, std::uint64_t batch);

  /// Who we are: commands in groups may name another bot. [loop]
  void known_as(const std::string& bot_name) { bot_name_ = bot_name; }
  /// One update as getUpdates gave it. May throw on an update of a strange form. [loop]
  void update(const understudy::sdk::Json& update, const Moment& now);

 private:
  struct Press {
    std::string query;
    Person person;
    Posted where;
    std::int64_t topic = 0;
    Button button;
  };
  struct Board {
    Offer offer;
    Posted where;
  };

  static std::string refusal(const Person& person);
  void message(const understudy::sdk::Json& in, const Moment& now);
  void command(const understudy::sdk::Json& in, const Person& person);
  void stranger(const Person& person, const char* what);
  /// Answers a message of a person's.
  void reply(const understudy::sdk::Json& message, const std::string& text);
  void press(const understudy::sdk::Json& query, const Moment& now);
  void act(const Press& press);
  void acknowledge(const Press& press);
  void question(const Press& press);
  void put_question(const Press& press, const Outcome& outcome);
  void confirmed(const Press& press);
  void call_off(const Press& press);
  void refresh(const std::string& incident, const std::string& without);
  void answer_query(const std::string& query, const std::string& text, bool loud);
  void close_question(const Press& press, const Lines& text);
  [[nodiscard]] bool is_our_chat(const understudy::sdk::Json& chat) const;
  [[nodiscard]] bool listed(std::int64_t user) const { return settings_.users.contains(user); }

  understudy::sdk::Host& host_;
  Api& api_;
  Courier& courier_;
  PostOffice& office_;
  const Settings& settings_;
  std::string bot_name_;
  std::set<std::int64_t> strangers_;  ///< who were told that they may not: once, or they could use up the chat's pace
  Buttons buttons_;
  std::mutex mutex_;  ///< for boards_
  std::map<std::string, Board> boards_;
};

}  // namespace telegram_plugin
