// The telegram plugin in virtual time, with an Understudy that answers operator.request/1 as the test says: what is
// asked for when people press and type, and how fast a chat is written to.
#include <dlfcn.h>

#include <algorithm>
#include <deque>

#include "tests/catch.hpp"
#include "understudy/testing.hpp"

using namespace understudy::sdk;

namespace {

const us_plugin* library() {
  static void* const handle = ::dlopen(UNDERSTUDY_BINARY_DIR "/plugins/telegram.so", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  return reinterpret_cast<const us_plugin* (*)()>(::dlsym(handle, "understudy_plugin"))();
}

constexpr std::int64_t chat = -77, ann = 7;

struct Shown {
  std::string text;
  Json buttons = Json::array();
};

/// A chat with a bot in it, a clock that moves when somebody waits, and an Understudy.
struct World {
  testing::FakeHost host{library()};
  std::int64_t now_ms = 1'000'000;
  std::map<std::int64_t, Shown> messages;
  std::vector<std::int64_t> sent_at;
  std::map<std::string, Json> answered;  ///< callback queries
  std::deque<Json> updates;
  std::vector<Json> wishes;
  std::function<Result(const Json&)> understudy = [](const Json&) {
    return Result{{{"text", "all is well"}, {"index", 12}}};
  };
  std::int64_t next_message = 1, next_id = 100;
  std::unique_ptr<testing::FakeHost::Instance> bot;

  explicit World(Json settings = Json::object()) {
    host.on("secret.get/1", [](const Json&) { return Result{{{"value", "1:abcdefgh"}}}; });
    host.on("clock.now/1", [this](const Json&) {
      return Result{{{"wall_ms", now_ms + 1'700'000'000'000}, {"monotonic_us", now_ms * 1'000}}};
    });
    host.on("timer.after/1", [this](const Json& asked) {
      now_ms += asked.at("ms").get<std::int64_t>();
      return Result{Json::object()};
    });
    host.on("operator.request/1", [this](const Json& wish) {
      wishes.push_back(wish);
      return understudy(wish);
    });
    host.on("http.request/1", [this](const Json& asked) { return served(asked); });
    Json all = {{"token", {{"$secret", "token"}}}, {"chat", chat}, {"commands", true}, {"users", {ann}}};
    all.update(settings);
    bot = std::make_unique<testing::FakeHost::Instance>(host.make("notifier", all));
  }

  std::optional<Result> instead;  ///< of every HTTP answer

  Result served(const Json& asked) {
    if (instead) return *instead;
    const auto url = asked.at("url").get<std::string>();
    const Json params = Json::parse(asked.at("body").get<std::string>());
    const Json value = method(url.substr(url.rfind('/') + 1), params);
    return {{{"status", 200}, {"time_us", 1'000'000}, {"body", Json{{"ok", true}, {"result", value}}.dump()}}};
  }

  Json method(const std::string& name, const Json& params) {
    if (name == "getMe") return {{"id", 1}, {"username", "guard_bot"}};
    if (name == "getUpdates") {
      Json out = Json::array();
      for (; !updates.empty(); updates.pop_front()) out.push_back(updates.front());
      return out;
    }
    if (name == "answerCallbackQuery") answered[params.at("callback_query_id").get<std::string>()] = params;
    if (name != "sendMessage" && name.rfind("edit", 0) != 0) return true;
    if (name == "sendMessage") sent_at.push_back(now_ms);
    const auto id = name == "sendMessage" ? next_message++ : params.at("message_id").get<std::int64_t>();
    auto& shown = messages[id];
    if (params.contains("text")) shown.text = params.at("text").get<std::string>();
    shown.buttons = params.value("/reply_markup/inline_keyboard/0"_json_pointer, Json::array());
    return {{"message_id", id}, {"chat", {{"id", chat}}}};
  }

  void update(Json body) {
    static std::int64_t id = 1;
    body["update_id"] = id++;
    updates.push_back(std::move(body));
  }
  static Json person(std::int64_t id = ann) { return {{"id", id}, {"username", "ann"}}; }

  /// Presses the button of a message that begins so; waits for the answer, whose text it returns.
  std::string press(std::int64_t message, const std::string& label) {
    std::string data = "none such";
    for (const auto& b : messages[message].buttons) {
      if (b.at("text").get<std::string>().rfind(label, 0) == 0) data = b.at("callback_data").get<std::string>();
    }
    return press_data(message, data);
  }
  std::string press_data(std::int64_t message, const std::string& data) {
    const auto query = pressed(message, data);
    REQUIRE(bot->run([&] { return answered.contains(query); }));
    return answered[query].at("text").get<std::string>();
  }
  std::string pressed(std::int64_t message, const std::string& data) {
    const auto query = "q" + std::to_string(next_id++);
    update({{"callback_query",
             {{"id", query},
              {"from", person()},
              {"data", data},
              {"message", {{"message_id", message}, {"chat", {{"id", chat}}}}}}}});
    return query;
  }
  void type(const std::string& text) {
    update({{"message",
             {{"message_id", next_id++},
              {"date", 1'700'000'000 + now_ms / 1'000},
              {"from", person()},
              {"chat", {{"id", chat}, {"type", "group"}}},
              {"text", text}}}});
  }

  Result alert(const std::string& title, Json more = Json::object()) {
    Json body = {{"id", "a" + std::to_string(next_id++)},
                 {"severity", "critical"},
                 {"state", "firing"},
                 {"kind", "service.down"},
                 {"service", "trader"},
                 {"target", "home"},
                 {"title", title},
                 {"incident", "inc-1"},
                 {"facts", {{"index", "7"}}}};
    body.update(more);
    return bot->call("notify.send/1", {{"alert", body}});
  }

  /// The newest message with these words, when it has come.
  std::int64_t message_with(const std::string& words) {
    std::int64_t found = 0;
    const bool came = bot->run([&] {
      for (const auto& [id, shown] : messages) {
        if (shown.text.find(words) != std::string::npos) found = id;
      }
      return found != 0;
    });
    INFO("waited for \"" << words << "\"");
    REQUIRE(came);
    return found;
  }
  std::vector<std::string> labels(std::int64_t message) {
    std::vector<std::string> out;
    for (const auto& b : messages[message].buttons) out.push_back(b.at("text").get<std::string>());
    return out;
  }
  int wished(const std::string& action) {
    return static_cast<int>(std::ranges::count_if(wishes, [&](const Json& w) { return w.at("action") == action; }));
  }
};

/// The incident's message and the question that the first press brings.
struct Asked : World {
  std::int64_t question = 0;
  explicit Asked(Json settings = Json::object()) : World(std::move(settings)) {
    understudy = [](const Json& wish) {
      if (wish.at("action") == "plan")
        return Result{{{"text", "trader: home -> spare, ready in 4 s"}, {"index", 12}, {"target", "spare"}}};
      return Result{{{"text", "promoting trader to spare"}, {"index", 13}}};
    };
    REQUIRE(alert("trader is down").ok());
    press(1, "Promote");
    question = message_with("ready in 4 s");
  }
};

}  // namespace

TEST_CASE("telegram: create asks for nothing but a timer") {
  World world;
  CHECK(world.host.asked.empty());
  REQUIRE(world.bot->run([&] { return !world.host.asked.empty(); }));
  CHECK(world.host.asked.front().first == "timer.after/1");
}

TEST_CASE("telegram: a timer and a clock that fail once do not end the commands") {
  World world;
  int timers = 0, clocks = 0;
  const Result broken{{}, {Status::transient, "as the test wishes", {}, {}, {}}};
  world.host.on("timer.after/1", [&](const Json&) { return ++timers == 1 ? broken : Result{Json::object()}; });
  world.host.on("clock.now/1", [&](const Json&) {
    return ++clocks == 1 ? broken : Result{{{"wall_ms", 1'700'000'000'000}, {"monotonic_us", 1'000'000}}};
  });
  world.type("/status");
  REQUIRE(world.bot->run([&] { return clocks > 0; }));
  world.type("/status");
  CHECK(world.bot->run([&] { return !world.wishes.empty(); }));
}

TEST_CASE("telegram: promoting takes two presses, and the second is for the plan that was shown") {
  Asked world;
  CHECK(world.wished("promote") == 0);
  CHECK(world.labels(world.question) == std::vector<std::string>{"Yes, Promote trader to spare", "Cancel"});
  world.press(world.question, "Yes");
  world.message_with("promoting trader to spare");
  REQUIRE(world.wished("promote") == 1);
  const auto& wish = world.wishes.back();
  CHECK(wish.at("service") == "trader");
  CHECK(wish.at("target") == "spare");
  CHECK(wish.at("expect_index") == 12);
  CHECK(wish.at("incident") == "inc-1");
  CHECK(wish.at("by") == "telegram:7 ann");
  CHECK(world.labels(world.question).empty());
}

TEST_CASE("telegram: a confirmation works once") {
  Asked world;
  const auto data = world.messages[world.question].buttons[0].at("callback_data").get<std::string>();
  world.press_data(world.question, data);
  CHECK_THAT(world.press_data(world.question, data), ContainsSubstring("out of date"));
  CHECK(world.wished("promote") == 1);
}

TEST_CASE("telegram: a confirmation that comes too late does nothing") {
  Asked world(Json{{"confirm_within", 60'000}});
  world.now_ms += 60'000;
  CHECK_THAT(world.press(world.question, "Yes"), ContainsSubstring("expired"));
  CHECK(world.wished("promote") == 0);
}

TEST_CASE("telegram: a cancelled question cannot be confirmed any more") {
  Asked world;
  const auto yes = world.messages[world.question].buttons[0].at("callback_data").get<std::string>();
  world.press(world.question, "Cancel");
  world.message_with("Cancelled by ann");
  CHECK_THAT(world.press_data(world.question, yes), ContainsSubstring("out of date"));
  CHECK(world.wished("promote") == 0);
}

TEST_CASE("telegram: a newer question makes the older one void") {
  Asked world;
  const auto yes = world.messages[world.question].buttons[0].at("callback_data").get<std::string>();
  // The alert's own buttons were renewed by the press before.
  REQUIRE(world.bot->run([&] { return world.labels(1).size() == 2; }));
  const auto before = world.messages.rbegin()->first;
  CHECK_THAT(world.press(1, "Promote"), ContainsSubstring("A question follows"));
  REQUIRE(world.bot->run([&] { return world.messages.rbegin()->first > before; }));
  CHECK_THAT(world.press_data(world.question, yes), ContainsSubstring("out of date"));
  CHECK(world.wished("promote") == 0);
}

TEST_CASE("telegram: failing back shows how things stand first, and asks for home") {
  World world;
  world.understudy = [](const Json& wish) {
    return Result{{{"text", wish.at("action").get<std::string>() + " it is"}, {"index", 31}}};
  };
  REQUIRE(world.alert("trader runs at spare", {{"kind", "failover.done"}, {"state", "event"}}).ok());
  world.press(1, "Fail back");
  const auto question = world.message_with("status it is");
  world.press(question, "Yes");
  world.message_with("failback it is");
  CHECK(world.wishes.back().at("action") == "failback");
  CHECK(world.wishes.back().at("expect_index") == 31);
}

TEST_CASE("telegram: acknowledging names the incident and the state that was seen, and takes its button away") {
  World world;
  REQUIRE(world.alert("trader is down").ok());
  CHECK(world.press(1, "Acknowledge") == "all is well");
  REQUIRE(world.wishes.size() == 1);
  CHECK(world.wishes[0].at("action") == "acknowledge");
  CHECK(world.wishes[0].at("incident") == "inc-1");
  CHECK(world.wishes[0].at("expect_index") == 7);
  CHECK(world.bot->run([&] { return world.labels(1) == std::vector<std::string>{"Promote…"}; }));
}

TEST_CASE("telegram: of two presses at once one counts") {
  World world;
  REQUIRE(world.alert("trader is down").ok());
  const auto data = world.messages[1].buttons[0].at("callback_data").get<std::string>();
  const auto first = world.pressed(1, data), second = world.pressed(1, data);
  REQUIRE(world.bot->run([&] { return world.answered.size() == 2; }));
  CHECK(world.wished("acknowledge") == 1);
  CHECK(world.answered[first].at("text") == "all is well");
  CHECK_THAT(world.answered[second].at("text").get<std::string>(), ContainsSubstring("out of date"));
}

TEST_CASE("telegram: a conflict of pollers is said once and asked about ever less often") {
  World world;
  world.instead = Result{{{"status", 409}, {"body", R"({"ok":false,"description":"Conflict: terminated by other"})"}}};
  const auto began = world.now_ms;
  REQUIRE(world.bot->run([&] { return world.now_ms > began + 600'000; }));
  CHECK(std::ranges::count_if(world.host.asked, [](const auto& a) { return a.first == "http.request/1"; }) < 20);
  const auto notices = world.bot->notices();
  CHECK(std::ranges::count_if(notices, [](const auto& n) {
          return n.params.dump().find("another program reads this bot's updates") != std::string::npos;
        }) == 1);
  world.instead.reset();
  world.type("/status");
  world.message_with("all is well");
}

TEST_CASE("telegram: a refusal is told, and the button comes back") {
  World world;
  REQUIRE(world.alert("trader is down").ok());
  const auto say = [&](Status status, const std::string& words) {
    world.understudy = [=](const Json&) { return Result{{}, {status, words, "", "", {}}}; };
    REQUIRE(world.bot->run([&] { return world.labels(1).size() == 2; }));
    const auto before = world.messages[1].buttons;
    const auto text = world.press(1, "Acknowledge");
    REQUIRE(world.bot->run([&] { return world.messages[1].buttons != before; }));
    return text;
  };
  CHECK(say(Status::conflict, "the state has changed") == "Nothing was done: the state has changed");
  CHECK(say(Status::denied, "a freeze is on") == "Refused: a freeze is on");
  CHECK_THAT(say(Status::unknown, "no answer in time"), ContainsSubstring("It is not certain what happened"));
  CHECK_THAT(say(Status::unsupported, "no such host service"), ContainsSubstring("Commands are not available"));
  CHECK(world.labels(1) == std::vector<std::string>{"Acknowledge", "Promote…"});
}

TEST_CASE("telegram: a plan that cannot be made brings no question") {
  World world;
  world.understudy = [](const Json&) { return Result{{}, {Status::conflict, "a move is under way", "", "", {}}}; };
  REQUIRE(world.alert("trader is down").ok());
  world.press(1, "Promote");
  const auto told = world.message_with("a move is under way");
  CHECK(world.labels(told).empty());
}

TEST_CASE("telegram: commands carry what was typed") {
  World world;
  world.type("/plan trader spare");
  world.type("/pause@Guard_Bot trader");
  world.type("/history");
  world.type("/promote trader");  // moves are for buttons, which ask twice
  REQUIRE(world.bot->run([&] { return world.wishes.size() == 3 && world.messages.size() == 3; }));
  CHECK(world.wishes[0].at("action") == "plan");
  CHECK(world.wishes[0].at("service") == "trader");
  CHECK(world.wishes[0].at("target") == "spare");
  CHECK_FALSE(world.wishes[0].contains("expect_index"));
  CHECK(world.wishes[1].at("action") == "pause");
  CHECK(world.wishes[1].at("by") == "telegram:7 ann");
  CHECK(world.wishes[2].at("service") == "");
  CHECK(world.wished("promote") == 0);
}

TEST_CASE("telegram: a long answer comes in parts") {
  World world;
  world.understudy = [](const Json&) {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "10:00:00 something happened, number " + std::to_string(i) + "\n";
    return Result{{{"text", text}}};
  };
  world.type("/history trader");
  world.message_with("number 499");
  CHECK(world.messages.size() > 4);
}

TEST_CASE("telegram: whatever quotes the URL, the token is taken out of it") {
  const bool polls = GENERATE(false, true);
  World world(Json{{"commands", polls}});
  const std::string url = "https://api.telegram.org/bot1:abcdefgh/sendMessage";
  const auto body = [](const Json& value) { return Json{{"status", 400}, {"body", value.dump()}}; };
  const std::vector<Result> answers = {
      {{}, {Status::transient, "cannot reach " + url, "try " + url, "timeout", {}}},
      {{}, {Status::transient, "abcdefgh and 1:abcdefgh", "", "refused", {}}},
      {body({{"ok", false}, {"description", "Bad Request: no such " + url}})},
      {body({{"ok", false}, {"description", "Conflict: " + url}, {"error_code", 409}})},
  };
  std::string said;
  for (const auto& answer : answers) {
    world.instead = answer;
    if (polls) {
      const auto until = world.now_ms + 200'000;
      REQUIRE(world.bot->run([&] { return world.now_ms > until; }));
    } else {
      const auto result = world.alert("trader is down");
      CHECK_FALSE(result.ok());
      said += result.error.to_json().dump();
    }
  }
  for (const auto& notice : world.bot->notices()) said += notice.params.dump();
  CHECK_THAT(said, ContainsSubstring("[token]"));
  CHECK(said.find("abcdefgh") == std::string::npos);
}

TEST_CASE("telegram: no more than one message a second and twenty a minute go to a group") {
  World world(Json{{"commands", false}});
  for (int i = 0; i < 65; ++i) {
    while (true) {
      const auto result = world.alert("alert " + std::to_string(i), {{"incident", ""}});
      if (result.ok()) break;
      REQUIRE(result.error.status == Status::transient);
      REQUIRE(result.error.retry_after);
      world.now_ms += result.error.retry_after->count();
    }
  }
  const auto& at = world.sent_at;
  REQUIRE(at.size() == 65);
  for (std::size_t i = 1; i < at.size(); ++i) CHECK(at[i] - at[i - 1] >= 1'000);
  for (std::size_t i = 20; i < at.size(); ++i) CHECK(at[i] - at[i - 20] >= 60'000);
  CHECK(at.back() - at.front() < 4 * 60'000);  // and it is no slower than it must be
}
