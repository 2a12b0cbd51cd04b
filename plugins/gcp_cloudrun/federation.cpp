// Workload identity federation: a token of another identity provider (from a file or an address) exchanged at Google's
// security token service.
#include <fstream>

#include "exchange.hpp"
#include "grants.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

class ExternalAccount final : public Credential {
 public:
  ExternalAccount(Host& host, const Json& file)
      : host_(host),
        audience_(must_have(file, "audience")),
        type_(must_have(file, "subject_token_type")),
        endpoint_(must_have(file, "token_url")),
        source_(object_of(file, "credential_source")) {
    if (text_of(source_, "file").empty() && text_of(source_, "url").empty()) {
      throw Failure(Status::denied, "the credentials file has a credential_source that is neither a file nor a url",
                    "AWS and executable sources are not supported: use an OIDC token in a file or at an address");
    }
  }
  Token access(const Deadline& deadline) override {
    const auto reply = exchange(host_, endpoint_,
                                {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                 {"audience", audience_},
                                 {"scope", cloud_scope},
                                 {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                                 {"subject_token", subject_token(deadline)},
                                 {"subject_token_type", type_}},
                                name(), deadline);
    Token out{text_of(reply, "access_token"), ends_at(now_ms(host_), number_of(reply, "expires_in"))};
    if (out.value.empty()) throw Failure(Status::transient, "no token for " + name() + ": the answer holds none");
    return out;
  }
  Token identity(const std::string&, const Deadline&) override {
    throw Failure(Status::denied, "a federated identity gives no identity token for a private service by itself",
                  "set `impersonate` to a service account that has roles/run.invoker");
  }
  std::string name() const override { return "the federated identity of " + audience_; }

 private:
  std::string subject_token(const Deadline& deadline) {
    const std::string path = text_of(source_, "file");
    const std::string text = path.empty() ? fetched(text_of(source_, "url"), deadline) : read(path);
    const Json& format = object_of(source_, "format");
    if (text_of(format, "type") != "json") return trimmed(text);
    const auto field = text_of(format, "subject_token_field_name");
    auto token = text_of(parse_json(text), field.c_str());
    if (token.empty()) throw Failure(Status::denied, "the subject token's JSON has no field \"" + field + "\"");
    return token;
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Failure(Status::denied, "cannot read the subject token " + path, "does its writer run?");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string fetched(const std::string& url, const Deadline& deadline) {
    Ask ask;
    ask.url = url;
    const Json& headers = object_of(source_, "headers");
    for (const auto& [key, value] : headers.items()) {
      if (value.is_string()) ask.headers[key] = value.get<std::string>();
    }
    const auto answer = ask_for_token(host_, ask, deadline);
    if (!answer.good()) {
      throw Failure(Status::denied, "no subject token: " + url.substr(0, url.find('?')) + " answers HTTP " +
                                        std::to_string(answer.status));
    }
    return answer.body;
  }
  static std::string trimmed(std::string text) {
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.pop_back();
    return text;
  }
  Host& host_;
  std::string audience_, type_, endpoint_;
  Json source_;
};

}  // namespace

std::unique_ptr<Credential> external_account(Host& host, const Json& file) {
  std::unique_ptr<Credential> out = std::make_unique<ExternalAccount>(host, file);
  const std::string url = text_of(file, "service_account_impersonation_url");
  return url.empty() ? std::move(out) : impersonated_by_url(host, std::move(out), url);
}

}  // namespace gcp
