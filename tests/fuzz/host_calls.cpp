// What a plugin may send to the core: calls and messages, a line each: `METHOD BODY` or `!TOPIC BODY`. The services
// read their params as the real ones do, and the handler of messages as the orchestrator does.
#include "core/plugins/host_calls.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

namespace {

class Services final : public host::Services {
 public:
  Ticket start(host::ServiceCall call) override {
    fuzz::must(call.budget > Millis(0), "a call has a budget");
    const auto wait = call.params.value("ms", std::int64_t{0});
    const auto key = call.params.value("key", "");
    if (call.on_item) call.on_item({{"line", key}});
    if (wait > 0) {
      waiting_ = std::move(call.done);
      return 7;
    }
    call.done({{{"value", key}}});
    return 0;
  }
  void cancel(Ticket ticket) override {
    if (ticket == 7 && waiting_) std::exchange(waiting_, {})({{}, {sdk::Status::cancelled, "cancelled", {}, {}, {}}});
  }
  [[nodiscard]] std::vector<std::string> methods() const override { return {}; }

 private:
  std::function<void(sdk::Result)> waiting_;
};

}  // namespace

FUZZ(input) {
  static boost::asio::io_context loop;
  static host::Logger log("error", "text");
  Services services;
  std::map<us_op, int> answers;
  plugins::HostCalls calls(
      {loop, services, log}, {"p", "s/t", {}, {}},
      [&](us_op op, std::int32_t, std::string_view body) {
        fuzz::must(!body.empty(), "an answer has a body");
        ++answers[op];
      },
      [](std::string_view, std::string_view) {});
  calls.on_notify([](std::string_view, const sdk::Json& params) {
    (void)params.value("reason", "");
    (void)params.value("gone", false);
  });
  us_op op = 0;
  for (const auto& line : fuzz::parts(input)) {
    const auto space = std::min(line.find(' '), line.size());
    const auto word = std::string_view(line).substr(0, space), body = std::string_view(line).substr(space);
    if (word.starts_with('!')) {
      calls.notified(word.substr(1), body);
    } else {
      calls.serve(++op, word, body, Millis(static_cast<std::int64_t>(line.size()) - 20));
      if (line.size() % 3 == 0) calls.cancel(op);
    }
  }
  for (const auto& [which, count] : answers) fuzz::must(count == 1, "a call is answered once");
  calls.close();
}
