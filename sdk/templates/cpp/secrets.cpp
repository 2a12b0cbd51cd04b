// @NAME@: a source of secrets for Understudy: { @NAME@_secret = "NAME" } in the file comes from here. Never log a value.
#include <understudy/plugin.hpp>

using namespace understudy::sdk;

namespace {

constexpr Millis patience{10'000};

class Vault final : public SecretSource {
 public:
  Vault(Host& host, const Envelope& e) : host_(host), api_(e.settings.at("api").get<std::string>()), token_key_(e.settings.at("token").at("$secret")) {}

  void fetch(const SecretRequest& request, Reply<SecretValue> reply) override {
    worker_.answer(std::move(reply), [this, name = request.name] { return ask(name); });
  }

 private:
  /// Say what to do, with names: it is read in the middle of an outage.
  SecretValue ask(const std::string& name) {
    if (name.empty() || name.find_first_of("?#% ") != std::string::npos) throw Failure(Status::invalid, "\"" + name + "\" is no name of a secret");
    const auto token = host_.blocking("secret.get/1", {{"key", token_key_}}, patience).get().at("value");
    const Json answer = host_.blocking("http.request/1", {{"url", api_ + "/" + name}, {"bearer", token}}, patience).get();
    const int status = answer.at("status").get<int>();
    if (status == 404) throw Failure(Status::invalid, "the vault has no secret " + name, "check the name");
    if (status == 401 || status == 403) throw Failure(Status::denied, "the vault refuses to give " + name, "may this token read it?");
    if (status != 200) throw Failure(Status::transient, "the vault answers " + std::to_string(status));
    const Json body = Json::parse(answer.at("body").get<std::string>(), nullptr, false);
    if (!body.is_object() || !body.contains("value") || !body["value"].is_string()) throw Failure(Status::invalid, "the vault gives no text for " + name);
    return {body["value"].get<std::string>()};
  }

  Host& host_;
  std::string api_, token_key_;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "@NAME@", "version": "0.1.0", "license": "", "summary": "where it keeps secrets",
  "secret_source": "@NAME@_secret",
  "interfaces": {"secrets": {
    "provides": ["secret.fetch/1"],
    "settings": {"type": "object", "required": ["api", "token"], "properties": {
      "api": {"type": "string", "format": "url", "description": "address of the vault"},
      "token": {"type": "string", "x-secret": true, "description": "what opens it"}}}}},
  "needs": ["http.request/1", "secret.get/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<Vault>(host, e); })
