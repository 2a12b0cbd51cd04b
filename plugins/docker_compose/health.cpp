#include "health.hpp"

#include "engine.hpp"
#include "engine_words.hpp"

namespace compose_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis stream_life{std::chrono::hours(24)}, opening{10'000};
constexpr Millis first_pause{250}, longest_pause{30'000};

class Health final : public HealthSource {
 public:
  Health(Host& host, const Envelope& e)
      : host_(host),
        project_(Project::from_settings(e.settings)),
        weak_(e.settings.value("weak", false)),
        engine_(host, project_) {}

  void check(const CheckRequest& request, Reply<CheckResult> reply) override {
    const Deadline deadline(std::min(request.timeout, reply.budget()));
    worker_.answer(std::move(reply), [this, deadline] { return look(deadline); });
  }

  void watch(Reply<Done> reply) override {
    worker_.answer(std::move(reply), [this] {
      if (!std::exchange(watching_, true)) listen();
      return Done{};
    });
  }

 private:
  CheckResult look(const Deadline& deadline) {
    CheckResult out;
    try {
      out = health_of(engine_.containers(deadline), project_, weak_);
    } catch (const Failure& failure) {
      // Containers may well live on while their engine does not answer.
      out.outcome = CheckResult::Outcome::unknown;
      out.verdict = false;
      out.cause = failure.error().message;
    }
    out.local = project_.engine.via == EngineAddress::Via::unix_socket;
    return out;
  }

  /// Follows the engine's events from the last one seen. On the worker.
  void listen() {
    Json ask;
    try {
      const Json filters = {{"type", {"container"}},
                            {"label", {std::string(label_project) + "=" + project_.name}},
                            {"event", {"die", "oom", "pause", "health_status"}}};
      ask = engine_.request("GET",
                            "/events?filters=" + escaped(filters.dump()) + (since_.empty() ? "" : "&since=" + since_),
                            Deadline(opening));
    } catch (const std::exception& e) {  // nobody else would catch it on this thread
      return listen_later(e.what());
    }
    ask["stream"] = "lines";
    ask["timeout_ms"] = opening.count();
    host_.call(
        "http.request/1", ask, stream_life, [this](const Result& r) { ended(r); },
        [this](const Json& item) { heard(item.value("line", "")); });
  }

  void ended(const Result& result) {
    if (result.error.status == Status::cancelled) return;  // we are being destroyed
    // A stream that ends tells nothing by itself, but the engine may have gone with its containers.
    host_.hint("the engine's event stream ended");
    listen_later(result.ok() ? "the stream ended" : result.error.message);
  }

  void listen_later(const std::string& why) {
    host_.log(LogLevel::debug, "listening to the engine again in " + std::to_string(pause_.count()) + " ms: " + why);
    host_.call("timer.after/1", {{"ms", pause_.count()}}, pause_ + Millis(5'000), [this](const Result& r) {
      if (r.ok()) worker_.post([this] { listen(); });
    });
    pause_ = std::min(pause_ * 2, longest_pause);
  }

  void heard(const std::string& line) {
    const auto event = parse_event(line);
    if (!event) return;
    pause_ = first_pause;
    if (event->at_ns > 0) since_ = since_after(event->at_ns);
    if (!project_.includes(event->service) || event->action == "health_status: healthy") return;
    host_.hint("container of " + event->service + ": " + event->action, event->action == "die");
  }

  Host& host_;
  const Project project_;
  const bool weak_;
  Engine engine_;  // used by the worker only
  bool watching_ = false;
  std::string since_;           // [loop] writes before [worker] reads: the timer between them orders it
  Millis pause_ = first_pause;  // likewise
  Worker worker_;               // last: its thread ends before what it uses
};

}  // namespace

std::unique_ptr<Provider> make_health(Host& host, const Envelope& envelope) {
  return std::make_unique<Health>(host, envelope);
}

}  // namespace compose_plugin
