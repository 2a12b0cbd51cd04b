// One plugin that does whatever wrong thing its settings ask for.
#include <fcntl.h>
#include <unistd.h>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "understudy/plugin.hpp"

namespace {
using namespace understudy::sdk;

constexpr std::size_t much = 5 * 1024 * 1024;

/// Speaks the raw port: the SDK would not let it answer twice or with garbage.
struct Raw final : Provider {
  Raw(Host& h, std::string w) : host(h), what(std::move(w)) {}
  Host& host;
  std::string what;
  std::vector<Responder> kept;
  std::jthread flood;
  Worker worker;

  /// What this process was given.
  static void tell(Responder& responder) {
    std::string all;
    for (char** e = environ; *e != nullptr; ++e) all += std::string(*e) + "\n";
    int descriptors = 0;
    for (int fd = 0; fd < 1024; ++fd) descriptors += ::fcntl(fd, F_GETFD) >= 0;
    responder.ok({{"env", all}, {"descriptors", descriptors}});
  }
  /// Answers with how the host answered.
  void ask(const char* method, const Json& params, Responder responder) {
    auto kept_one = std::make_shared<Responder>(std::move(responder));
    host.call(method, params, Millis(10'000), [kept_one](const Result& r) {
      kept_one->ok({{"status", name_of(r.error.status)}, {"kind", r.error.kind}, {"message", r.error.message}});
    });
  }
  static void swallow(Responder responder) {
    try {
      const Responder mine = std::move(responder);
      throw std::runtime_error("nobody hears of this");
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the wrong thing to do
    }
  }
  void handle(std::string_view, const Json&, Responder responder) override {
    if (what == "asks-much") return ask("clock.now/1", {{"x", std::string(much, 'x')}}, std::move(responder));
    if (what == "answers-much") return responder.ok({{"x", std::string(much, 'x')}});
    if (what == "asks-for-much") {
      const Json printing = {"sh", "-c", "head -c 3000000 /dev/zero | tr '\\000' '\"'"};  // twice as long as JSON
      return ask("process.run/1", {{"argv", printing}, {"max_output", much}}, std::move(responder));
    }
    if (what == "throws") throw std::runtime_error("it is broken");
    if (what == "throws-int") throw 5;
    if (what == "swallows") return swallow(std::move(responder));
    if (what == "throws-int-in-worker")
      return worker.answer(Reply<Done>(std::move(responder)), []() -> Done { throw 5; });
    if (what == "never") return kept.push_back(std::move(responder));
    if (what == "forgets") return;
    if (what == "dies") std::abort();
    if (what == "floods" && !flood.joinable())
      flood = std::jthread([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) host.log(LogLevel::info, "one more line");
      });
    if (what == "tells") return tell(responder);
    if (what == "hangs") {
      std::mutex m;
      std::unique_lock lock(m);
      std::condition_variable().wait_for(lock, std::chrono::seconds(8));
    }
    responder.ok({{"outcome", "pass"}});
  }
};
}  // namespace

UNDERSTUDY_PLUGIN(
    R"({"name": "misbehaves", "version": "1", "interfaces": {"health": {"provides": ["health.check/1"], "settings": {"additionalProperties": true}}}})",
    [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
      const auto what = e.settings.value("what", "");
      if (what == "dies-in-create") std::abort();
      while (what == "floods-in-create") host.log(LogLevel::info, "one more line");
      if (what == "throws-in-create") throw std::runtime_error("no luck today");
      return std::make_unique<Raw>(host, what);
    })
