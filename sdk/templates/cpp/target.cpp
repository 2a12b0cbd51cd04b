// @NAME@: a standby target for Understudy. Worker runs straight blocking code on a thread of its own.
#include <understudy/plugin.hpp>

using namespace understudy::sdk;

namespace {

constexpr Millis patience{20'000};

class Site final : public StandbyTarget {
 public:
  Site(Host& host, const Envelope& e) : host_(host), api_(e.settings.at("api").get<std::string>()) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    worker_.answer(std::move(reply), [this] { return look(); });
  }
  /// Repeats safely; an older epoch than what runs is refused.
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    worker_.answer(std::move(reply), [this, epoch = request.epoch] {
      const auto seen = look();
      if (seen.epoch && *seen.epoch > epoch) throw Failure(Status::conflict, "a newer epoch runs here");
      ask("POST", "/start?epoch=" + std::to_string(epoch));
      return look();
    });
  }
  /// `stopped` only when the provider shows it stopped.
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    worker_.answer(std::move(reply), [this, epoch = request.epoch] {
      const auto seen = look();
      if (seen.epoch && *seen.epoch > epoch) throw Failure(Status::conflict, "a newer epoch runs here");
      ask("POST", "/stop");
      return StopReport{look().state == Observation::State::stopped, "asked the provider"};
    });
  }
  void quote(Reply<Quote> reply) override {
    Quote q;
    q.active_usd_per_hour = 0.01;
    q.source = "fill in the provider's price";
    reply(q);
  }

 private:
  Json ask(const char* method, const std::string& path) {
    const auto r = host_.blocking("http.request/1", {{"url", api_ + path}, {"method", method}}, patience);
    const Json& answer = r.get();  // throws Failure with the host's own error
    const int status = answer.at("status").get<int>();
    if (status >= 300) throw Failure(status >= 500 ? Status::transient : Status::invalid, "the provider answers " + std::to_string(status));
    const Json body = Json::parse(answer.at("body").get<std::string>(), nullptr, false);
    return body.is_object() ? body : Json::object();
  }
  Observation look() {
    const Json body = ask("GET", "/state");
    Observation out;
    const auto state = body.value("state", "");
    out.state = state == "running" ? Observation::State::active : state == "stopped" ? Observation::State::stopped : Observation::State::unknown;
    if (body.contains("epoch")) out.epoch = body.at("epoch").get<std::uint64_t>();
    out.detail = state;
    return out;
  }

  Host& host_;
  std::string api_;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "@NAME@", "version": "0.1.0", "license": "", "summary": "where it runs services",
  "interfaces": {"target": {
    "provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1"],
    "settings": {"type": "object", "required": ["api"], "properties": {
      "api": {"type": "string", "format": "url", "description": "address of the provider's API"}}}}},
  "needs": ["http.request/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<Site>(host, e); })
