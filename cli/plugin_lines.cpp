#include "cli/plugin_lines.hpp"

#include <iostream>
#include <thread>

#include <boost/asio/post.hpp>

namespace understudy::cli {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

std::string line_of(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

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
    if (!asked.is_object() || !asked.contains("method")) {
      std::cout << line_of({{"status", "invalid"}, {"error", {{"message", "no JSON object with a method"}}}})
                << std::flush;
      return;
    }
    ++waiting_;
    conformance::Step step;
    step.method = asked.at("method").get<std::string>();
    step.params = asked.value("params", Json::object());
    step.budget_ms = asked.value("budget_ms", std::int64_t{30'000});
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
