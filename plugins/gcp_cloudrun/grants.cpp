#include "grants.hpp"

#include "exchange.hpp"
#include "jwt.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr std::int64_t token_life_s = 3600;
constexpr const char* jwt_grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

Token token_from(const Json& reply, std::int64_t now, const std::string& who) {
  Token out{text_of(reply, "access_token"), ends_at(now, number_of(reply, "expires_in"))};
  if (out.value.empty()) throw Failure(Status::transient, "no token for " + who + ": the answer holds none");
  return out;
}

Token identity_from(std::string jwt, std::int64_t now, const std::string& who) {
  if (jwt.empty()) throw Failure(Status::transient, "no identity token for " + who + ": the answer holds none");
  const auto expires = number_of(claims_of(jwt), "exp");
  return {std::move(jwt), ends_at(now - now % 1000, expires > 0 ? expires - now / 1000 : token_life_s)};
}

class ServiceAccount final : public Credential {
 public:
  ServiceAccount(Host& host, const Json& file, const CredentialSettings& settings)
      : host_(host),
        email_(must_have(file, "client_email")),
        key_(must_have(file, "private_key")),
        key_id_(text_of(file, "private_key_id")),
        endpoint_(text_of(file, "token_uri")) {
    if (endpoint_.empty()) endpoint_ = settings.oauth_api + "/token";
  }
  Token access(const Deadline& deadline) override {
    return token_from(ask({{"scope", cloud_scope}}, deadline), now_ms(host_), name());
  }
  Token identity(const std::string& audience, const Deadline& deadline) override {
    return identity_from(text_of(ask({{"target_audience", audience}}, deadline), "id_token"), now_ms(host_), name());
  }
  std::string name() const override { return "the service account " + email_; }

 private:
  Json ask(Json claims, const Deadline& deadline) {
    const auto now_s = now_ms(host_) / 1000;
    claims.update(
        {{"iss", email_}, {"sub", email_}, {"aud", endpoint_}, {"iat", now_s}, {"exp", now_s + token_life_s}});
    return exchange(host_, endpoint_, {{"grant_type", jwt_grant}, {"assertion", signed_jwt(claims, key_id_, key_)}},
                    name(), deadline);
  }
  Host& host_;
  std::string email_, key_, key_id_, endpoint_;
};

class AuthorizedUser final : public Credential {
 public:
  AuthorizedUser(Host& host, const Json& file, const CredentialSettings& settings)
      : host_(host),
        client_(must_have(file, "client_id")),
        client_secret_(must_have(file, "client_secret")),
        refresh_(must_have(file, "refresh_token")),
        endpoint_(text_of(file, "token_uri")) {
    if (endpoint_.empty()) endpoint_ = settings.oauth_api + "/token";
  }
  Token access(const Deadline& deadline) override {
    const auto reply = exchange(host_, endpoint_,
                                {{"grant_type", "refresh_token"},
                                 {"client_id", client_},
                                 {"client_secret", client_secret_},
                                 {"refresh_token", refresh_}},
                                name(), deadline);
    return token_from(reply, now_ms(host_), name());
  }
  Token identity(const std::string&, const Deadline&) override {
    throw Failure(Status::denied, "a person's credentials give no identity token for a private service",
                  "use a service account's key, or set `impersonate` to a service account with roles/run.invoker");
  }
  std::string name() const override { return "the signed-in person"; }

 private:
  Host& host_;
  std::string client_, client_secret_, refresh_, endpoint_;
};

class MetadataServer final : public Credential {
 public:
  MetadataServer(Host& host, const CredentialSettings& settings)
      : host_(host), base_(settings.metadata_api + "/computeMetadata/v1/instance/service-accounts/default/") {}
  Token access(const Deadline& deadline) override {
    return token_from(ask("token", deadline).json, now_ms(host_), name());
  }
  Token identity(const std::string& audience, const Deadline& deadline) override {
    return identity_from(ask("identity?audience=" + escaped(audience) + "&format=full", deadline).body, now_ms(host_),
                         name());
  }
  std::string name() const override { return "this machine's service account"; }

 private:
  Answer ask(const std::string& path, const Deadline& deadline) {
    Ask request;
    request.url = base_ + path;
    request.headers = {{"Metadata-Flavor", "Google"}};
    try {
      auto answer = ask_for_token(host_, request, deadline.at_most(Millis(10'000)));
      if (answer.good()) return answer;
      throw Failure(answer.status >= 500 || answer.status == 429 ? Status::transient : Status::denied,
                    "no token: the metadata server answers HTTP " + std::to_string(answer.status),
                    "has this machine a service account?");
    } catch (const Failure& failure) {
      if (failure.error().kind.empty() || failure.error().status == Status::cancelled) throw;
      throw Failure(
          Status::denied,
          "no Google credentials: no file is named, and no metadata server answers (" + failure.error().message + ")",
          "set `credentials` to a key file, or run: gcloud auth application-default login");
    }
  }
  Host& host_;
  std::string base_;
};

class Impersonated final : public Credential {
 public:
  Impersonated(Host& host, std::unique_ptr<Credential> source, std::string account)
      : host_(host), source_(std::move(source)), account_(std::move(account)) {}
  Token access(const Deadline& deadline) override {
    const auto reply = ask(":generateAccessToken",
                           {{"scope", {cloud_scope}}, {"lifetime", std::to_string(token_life_s) + "s"}}, deadline);
    const auto expires = rfc3339_ms(text_of(reply, "expireTime"));
    Token out{text_of(reply, "accessToken"), expires.value_or(now_ms(host_) + 300'000)};
    if (out.value.empty()) throw Failure(Status::transient, "no token for " + name() + ": the answer holds none");
    return out;
  }
  Token identity(const std::string& audience, const Deadline& deadline) override {
    const auto reply = ask(":generateIdToken", {{"audience", audience}, {"includeEmail", true}}, deadline);
    return identity_from(text_of(reply, "token"), now_ms(host_), name());
  }
  std::string name() const override {
    return "the service account " + account_.substr(account_.rfind('/') + 1) + " (by " + source_->name() + ")";
  }

 private:
  Json ask(const char* verb, const Json& body, const Deadline& deadline) {
    Ask request;
    request.method = "POST";
    request.url = account_ + verb;
    request.headers = {{"Authorization", "Bearer " + source_->access(deadline).value},
                       {"Content-Type", "application/json"}};
    request.body = body.dump();
    const auto answer = ask_for_token(host_, request, deadline);
    if (answer.good() && answer.json.is_object()) return answer.json;
    const std::string said = text_of(object_of(answer.json, "error"), "message");
    const bool trouble = answer.status >= 500 || answer.status == 429 || answer.good();
    throw Failure(
        Error{trouble ? Status::transient : Status::denied,
              "no token for " + name() + ": " + (said.empty() ? "HTTP " + std::to_string(answer.status) : said),
              "grant " + source_->name() +
                  " the role roles/iam.serviceAccountTokenCreator on it, and enable "
                  "iamcredentials.googleapis.com",
              "credentials",
              {}});
  }
  Host& host_;
  std::unique_ptr<Credential> source_;
  std::string account_;  ///< "https://…/v1/projects/-/serviceAccounts/EMAIL"
};

}  // namespace

std::unique_ptr<Credential> service_account(Host& host, const Json& file, const CredentialSettings& settings) {
  return std::make_unique<ServiceAccount>(host, file, settings);
}
std::unique_ptr<Credential> authorized_user(Host& host, const Json& file, const CredentialSettings& settings) {
  return std::make_unique<AuthorizedUser>(host, file, settings);
}
std::unique_ptr<Credential> metadata_server(Host& host, const CredentialSettings& settings) {
  return std::make_unique<MetadataServer>(host, settings);
}
std::unique_ptr<Credential> impersonated(Host& host, std::unique_ptr<Credential> source, const std::string& email,
                                         const std::string& api) {
  return std::make_unique<Impersonated>(host, std::move(source),
                                        api + "/v1/projects/-/serviceAccounts/" + escaped(email));
}
std::unique_ptr<Credential> impersonated_by_url(Host& host, std::unique_ptr<Credential> source,
                                                const std::string& url) {
  const auto colon = url.rfind(":generateAccessToken");
  if (colon == std::string::npos)
    throw Failure(Status::denied, "the service_account_impersonation_url of the credentials file is no such address");
  return std::make_unique<Impersonated>(host, std::move(source), url.substr(0, colon));
}

}  // namespace gcp
