// The Telegram plugin as a whole: updates, presses of buttons, commands, and what becomes of messages. whole.hpp says
// what an input is.
#include "tests/fuzz/whole.hpp"

using namespace understudy::fuzz;

namespace {

const std::vector<Question>& questions() {
  static const Json quiet = {{"token", {{"$secret", "token"}}}, {"chat", 42}, {"pace", 0}, {"time_zone", "utc"}};
  static const Json listening = [] {
    Json out = quiet;
    out.update({{"chat", "@room"}, {"commands", true}, {"users", {7}}, {"replies", "all"}});
    return out;
  }();
  Json alert = {{"at_ms", 1'700'000'000'000},
                {"facts", {{"cost", "1 USD"}}},
                {"id", "a1"},
                {"incident", "i1"},
                {"kind", "service.down"},
                {"service", "shop"},
                {"severity", "critical"},
                {"state", "firing"},
                {"target", "here"},
                {"text", "home does not answer"},
                {"title", "shop is down"},
                {"actions", {"acknowledge", "promote", "failback"}}};
  Json resolved = alert;
  resolved.update({{"state", "resolved"},
                   {"thread",
                    {{"chat", 42},
                     {"message", 1},
                     {"for", "42"},
                     {"dropped", 0},
                     {"actions", {"acknowledge"}},
                     {"entries",
                      {{{"alert", "a1"},
                        {"at_ms", 1},
                        {"severity", "critical"},
                        {"state", "firing"},
                        {"text", "t"},
                        {"title", "s"}}}}}}});
  static const std::vector<Question> all = {{"notifier", quiet, "notify.send/1", {{"alert", alert}}},
                                            {"notifier", quiet, "notify.send/1", {{"alert", resolved}}},
                                            {"notifier", listening, "notify.send/1", {{"alert", alert}}, true},
                                            {"notifier", listening, "notify.send/1", {{"alert", resolved}}, true}};
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
