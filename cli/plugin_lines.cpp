#include "cli/plugin_lines.hpp"

#include <iostream>
#include <thread>

#include <boost/asio/post.hpp>

namespace understudy::cli {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

std::string line_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

constexpr std::int64_t usual_budget_ms = 30'000, longest_budget_ms = 86'400'000;

/// Empty: it can be asked.
std::string what_is_wrong(const Json& asked) {
  if (!asked.is_object() || !asked.contains("method")) return "no JSON object with a method";
  if (!asked.at("method").is_string()) return "the method is no text";
  if (!asked.value("params", Json::object()).is_object()) return "the params are no JSON object";
  const auto budget = asked.value("budget_ms", Json(usual_budget_ms));
  if (!budget.is_number_integer() || budget < 0 || budget > longest_budget_ms)
    return "budget_ms is no whole number from 0 to " + std::to_string(longest_budget_ms);
  return {};
}

class Lines {
 public:
  Lines(conformance::Session& session, plugins::Instance& instance,
        const std::function<void(conformance::Step)>& on_step)
      : session_(session), instance_(instance), on_step_(on_step) {
    instance_.on_notify([](std::string_view topic, const Json& params) {
      std::cerr << line_of({{"topic", topic}, {"params", params}}) << std::flush;
    });
  }
  void serve() {
    // A thread reads: the loop goes on meanwhile, for timers and watches of the plugin.
    std::thread reader([this] {
      for (std::string line; std::getline(std::cin, line);)
        boost::asio::post(session_.loop(), [this, line] { one(line); });
      boost::asio::post(session_.loop(), [this] { ended_ = true; });
    });
    while (!session_.run([this] { return ended_ && waiting_ == 0; }, Millis(3'600'000))) {
    }
    reader.join();
  }

 private:
  void one(const std::string& line) {
    const auto asked = Json::parse(line, nullptr, false);
    if (const auto wrong = what_is_wrong(asked); !wrong.empty()) {
      std::cout << line_of({{"status", "invalid"}, {"error", {{"message", wrong}}}}) << std::flush;
      return;
    }
    ++waiting_;
    conformance::Step step;
    step.method = asked.at("method").get<std::string>();
    step.params = asked.value("params", Json::object());
    step.budget_ms = asked.value("budget_ms", usual_budget_ms);
    step.at_ms = std::chrono::duration_cast<Millis>(Clock::now() - began_).count();
    instance_.call(step.method, step.params, Millis(step.budget_ms), [this, step](const sdk::Result& result) {
      --waiting_;
      auto told = step;
      told.answer = conformance::answer_json(result);
      std::cout << line_of(told.answer) << std::flush;
      if (on_step_) on_step_(std::move(told));
    });
  }

  conformance::Session& session_;
  plugins::Instance& instance_;
  const std::function<void(conformance::Step)>& on_step_;
  const Clock::time_point began_ = Clock::now();
  int waiting_ = 0;
  bool ended_ = false;
};

}  // namespace

void serve_lines(conformance::Session& session, plugins::Instance& instance,
                 const std::function<void(conformance::Step)>& on_step) {
  Lines(session, instance, on_step).serve();
}

}  // namespace understudy::cli
