// The Google Cloud plugin as a whole: tokens of every kind of credential, Cloud Run, Cloud Storage, Secret Manager.
// whole.hpp says what an input is.
#include "tests/fuzz/requests.hpp"

using namespace understudy::fuzz;

namespace {

std::string person() {
  return own_file("person.json",
                  R"({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"})");
}

std::string federated() {
  return own_file("federated.json",
                  R"({"type": "external_account", "audience": "//iam/pools/p", "subject_token_type": "urn:t",
    "token_url": "https://sts.test/v1/token",
    "credential_source": {"url": "http://idp.test/token", "format": {"type": "json", "subject_token_field_name": "t"}}})");
}

std::vector<Question> of_target() {
  const Json place = {
      {"project", "demo"}, {"region", "europe-west1"}, {"service", "svc"}, {"quiet_after_stop", 1}, {"idle_for", 1}};
  const Json signed_in = with(place, {{"credentials", person()}});
  const Json acting = with(place, {{"credentials", federated()}, {"impersonate", "a@demo.test"}});
  const Json supervised =
      with(acting, {{"mode", "supervisor"}, {"private", true}, {"api_key", "key"}, {"url", "https://svc.test"}});
  return {{"target", place, "standby.observe/1", at()},
          {"target", signed_in, "standby.activate/1", start()},
          {"target", acting, "standby.deactivate/1", stop()},
          {"target", place, "standby.rollback/1", change()},
          {"target", place, "standby.prewarm/1", change()},
          {"target", signed_in, "target.diagnose/1", at()},
          {"target", place, "standby.quote/1", Json::object()},
          {"target", supervised, "standby.observe/1", at()},
          {"target", supervised, "standby.activate/1", start()},
          {"target", supervised, "standby.deactivate/1", stop()},
          {"health", with(acting, {{"private", true}}), "health.check/1", look()}};
}

const std::vector<Question>& questions() {
  static const auto all = [] {
    auto out = of_target();
    for (auto& more : of_store({{"bucket", "gs://snapshots/some/prefix"}, {"project", "demo"}, {"parallel", 1}}))
      out.push_back(std::move(more));
    out.push_back({"secrets",
                   {{"credentials", federated()}},
                   "secret.fetch/1",
                   {{"name", "projects/demo/secrets/key/versions/latest"}}});
    return out;
  }();
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
