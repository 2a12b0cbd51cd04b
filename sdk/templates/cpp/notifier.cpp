// @NAME@: a notifier for Understudy. It posts to an address; a token belongs into a setting with "x-secret": true.
#include <understudy/plugin.hpp>

using namespace understudy::sdk;

namespace {

constexpr Millis patience{20'000};

class Messenger final : public Notifier {
 public:
  Messenger(Host& host, const Envelope& e) : host_(host), url_(e.settings.at("url").get<std::string>()) {}

  void send(const Alert& alert, Reply<Receipt> reply) override {
    auto kept = share(std::move(reply));
    const Json body = {{"text", alert.title + (alert.text.empty() ? "" : "\n" + alert.text)}, {"id", alert.id}};
    const Json ask = {{"url", url_}, {"method", "POST"}, {"body", body.dump()}, {"headers", {{"Content-Type", "application/json"}}}};
    host_.call("http.request/1", ask, patience, [kept](const Result& r) {
      // What may have arrived is `unknown`: as `transient` it would be promised that nobody read it.
      if (!r.ok()) return kept->fail(r.error.never_arrived() ? r.error.status : Status::unknown, r.error.message, r.error.hint);
      const int status = r.value.at("status").get<int>();
      if (status < 300) return (*kept)(Receipt{});
      kept->fail(status == 429 || status >= 500 ? Status::transient : Status::denied, "the messenger answers " + std::to_string(status));
    });
  }

 private:
  Host& host_;
  std::string url_;
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "@NAME@", "version": "0.1.0", "license": "", "summary": "whom it tells",
  "interfaces": {"notifier": {
    "provides": ["notify.send/1"],
    "settings": {"type": "object", "required": ["url"], "properties": {
      "url": {"type": "string", "format": "url", "description": "where to post"}}}}},
  "needs": ["http.request/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<Messenger>(host, e); })
