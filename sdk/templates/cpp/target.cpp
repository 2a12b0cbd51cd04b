// @NAME@: a standby target for Understudy. Worker runs straight blocking code on a thread of its own.
#include <understudy/deadline.hpp>
#include <understudy/plugin.hpp>

using namespace understudy::sdk;

namespace {

class Site final : public StandbyTarget {
 public:
  Site(Host& host, const Envelope& e) : host_(host), api_(e.settings.at("api").get<std::string>()) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    const Deadline time(reply.budget());
    worker_.answer(std::move(reply), [this, time] { return look(time); });
  }
  /// Repeats safely; an older epoch than what runs is refused.
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const Deadline time(reply.budget());
    worker_.answer(std::move(reply), [this, epoch = request.epoch, time] {
      refuse_older(epoch, look(time));
      change("/start?epoch=" + std::to_string(epoch), time);
      return look_after(time);
    });
  }
  /// `stopped` only when the provider shows it stopped.
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const Deadline time(reply.budget());
    worker_.answer(std::move(reply), [this, epoch = request.epoch, time] {
      refuse_older(epoch, look(time));
      change("/stop", time);
      return StopReport{look_after(time).state == Observation::State::stopped, "asked the provider"};
    });
  }
  void quote(Reply<Quote> reply) override {
    Quote q;
    q.active_usd_per_hour = 0.01;
    q.source = "fill in the provider's price";
    reply(q);
  }

 private:
  static void refuse_older(std::uint64_t epoch, const Observation& seen) {
    if (seen.epoch && *seen.epoch > epoch) throw Failure(Status::conflict, "a newer epoch runs here");
  }
  Result send(const char* method, const std::string& path, const Deadline& time) {
    return host_.blocking("http.request/1", {{"url", api_ + path}, {"method", method}}, time.left());
  }
  static Failure answered(Status status, int code) { return {status, "the provider answers " + std::to_string(code)}; }

  Observation look(const Deadline& time) {
    const Result r = send("GET", "/state", time);
    const Json& answer = r.get();  // throws Failure with the host's own error: a look that fails changed nothing
    const int code = answer.at("status").get<int>();
    if (code >= 300) throw answered(code == 429 || code >= 500 ? Status::transient : Status::invalid, code);
    const Json body = Json::parse(answer.at("body").get<std::string>(), nullptr, false);
    Observation out;
    const auto state = body.is_object() ? body.value("state", "") : "";
    out.state = state == "running" ? Observation::State::active : state == "stopped" ? Observation::State::stopped : Observation::State::unknown;
    if (body.is_object() && body.contains("epoch")) out.epoch = body.at("epoch").get<std::uint64_t>();
    out.detail = state;
    return out;
  }
  /// What may have reached the provider is `unknown`, whatever the host calls it: after `transient` or `invalid`, which
  /// promise that nothing happened, the next place is started while this one runs.
  void change(const std::string& path, const Deadline& time) {
    const Result r = send("POST", path, time);
    if (!r.ok()) throw Failure(r.error.never_arrived() ? r.error.status : Status::unknown, r.error.message, r.error.hint);
    const int code = r.value.at("status").get<int>();
    if (code >= 500) throw answered(Status::unknown, code);
    if (code >= 300) throw answered(code == 429 ? Status::transient : Status::invalid, code);
  }
  /// Once something was changed, a look that fails leaves it unknown.
  Observation look_after(const Deadline& time) {
    try {
      return look(time);
    } catch (const Failure& failure) {
      throw Failure(Status::unknown, failure.error().message, failure.error().hint);
    }
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
