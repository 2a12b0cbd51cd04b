#include "secrets.hpp"

#include "secret_manager.hpp"
#include "settings.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

class Secrets final : public SecretSource {
 public:
  Secrets(Host& host, const Envelope& e)
      : tokens_(host, credential_settings(e.settings)),
        client_(host, tokens_),
        manager_(client_, without_slash(e.settings.value("api", ""))) {}

  void fetch(const SecretRequest& request, Reply<SecretValue> reply) override {
    const auto name = SecretName::parse(request.name);
    const Deadline deadline(reply.budget());
    worker_.answer(std::move(reply), [this, name, deadline] { return SecretValue{text(name, deadline)}; });
  }

 private:
  std::string text(const SecretName& name, const Deadline& deadline) {
    std::string out = manager_.access(name, deadline);
    while (!out.empty() && (out.back() == '\n' || out.back() == '\r')) out.pop_back();
    const std::string called = "the secret " + name.secret + " (version " + name.version + ")";
    const std::string better =
        "add a better version: gcloud secrets versions add " + name.secret + " --data-file=FILE" + name.flags();
    if (out.empty()) throw Failure(Status::invalid, called + " is empty", better);
    if (!is_utf8(out)) throw Failure(Status::invalid, called + " is no text (UTF-8)", better);
    return out;
  }

  Tokens tokens_;
  Client client_;
  SecretManager manager_;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

std::unique_ptr<Provider> make_secrets(Host& host, const Envelope& envelope) {
  return std::make_unique<Secrets>(host, envelope);
}

}  // namespace gcp
