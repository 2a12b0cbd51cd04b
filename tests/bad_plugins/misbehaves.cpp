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

/// Speaks the raw port: the SDK would not let it answer twice or with garbage.
struct Raw final : Provider {
  Raw(Host& h, std::string w) : host(h), what(std::move(w)) {}
  Host& host;
  std::string what;
  std::vector<Responder> kept;
  std::jthread flood;

  /// What this process was given.
  static void tell(Responder& responder) {
    std::string all;
    for (char** e = environ; *e != nullptr; ++e) all += std::string(*e) + "\n";
    int descriptors = 0;
    for (int fd = 0; fd < 1024; ++fd) descriptors += ::fcntl(fd, F_GETFD) >= 0;
    responder.ok({{"env", all}, {"descriptors", descriptors}});
  }
  void handle(std::string_view, const Json&, Responder responder) override {
    if (what == "throws") throw std::runtime_error("it is broken");
    if (what == "throws-int") throw 5;
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
