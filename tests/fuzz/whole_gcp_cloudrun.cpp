// The Google Cloud plugin as a whole: tokens of every kind of credential, Cloud Run, Cloud Storage, Secret Manager.
// whole.hpp says what an input is.
#include "tests/fuzz/whole.hpp"

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

/// Stored, and the same each time.
Json paths() {
  return {
      {{"name", "state"}, {"path", std::filesystem::path(own_file("state/file", "content")).parent_path().string()}}};
}

std::vector<Question> of_target() {
  const Json place = {
      {"project", "demo"}, {"region", "europe-west1"}, {"service", "svc"}, {"quiet_after_stop", 1}, {"idle_for", 1}};
  const auto with = [](Json out, const Json& more) {
    out.update(more);
    return out;
  };
  const Json signed_in = with(place, {{"credentials", person()}});
  const Json acting = with(place, {{"credentials", federated()}, {"impersonate", "a@demo.test"}});
  const Json supervised =
      with(acting, {{"mode", "supervisor"}, {"private", true}, {"api_key", "key"}, {"url", "https://svc.test"}});
  const Json at = {{"service", "shop"}, {"target", "here"}};
  const Json start = with(at, {{"epoch", 5}, {"operation", "op-5"}, {"snapshot", "s"}, {"reason", "failover"}});
  const Json stop = with(at, {{"epoch", 5}, {"operation", "stop-5"}, {"grace_ms", 1000}});
  const Json change = with(at, {{"epoch", 5}, {"operation", "op"}});
  return {{"target", place, "standby.observe/1", at},
          {"target", signed_in, "standby.activate/1", start},
          {"target", acting, "standby.deactivate/1", stop},
          {"target", place, "standby.rollback/1", change},
          {"target", place, "standby.prewarm/1", change},
          {"target", signed_in, "target.diagnose/1", at},
          {"target", place, "standby.quote/1", Json::object()},
          {"target", supervised, "standby.observe/1", at},
          {"target", supervised, "standby.activate/1", start},
          {"target", supervised, "standby.deactivate/1", stop},
          {"health", with(acting, {{"private", true}}), "health.check/1", {{"timeout_ms", 5000}}}};
}

std::vector<Question> of_store() {
  const Json bucket = {{"bucket", "gs://snapshots/some/prefix"}, {"project", "demo"}, {"parallel", 1}};
  const Json shop = {{"service", "shop"}};
  const std::string id = "20261120T101502.000Z-e5";
  return {{"state", bucket, "store.list/1", shop},
          {"state", bucket, "store.push/1", {{"service", "shop"}, {"id", id}, {"epoch", 5}, {"paths", paths()}}},
          {"state",
           bucket,
           "store.pull/1",
           {{"service", "shop"}, {"id", id}, {"staging", (work_folder() / "staging").string()}}},
          {"state", bucket, "store.verify/1", {{"service", "shop"}, {"id", id}}},
          {"state",
           bucket,
           "store.prune/1",
           {{"service", "shop"}, {"keep_days", 0}, {"keep_at_least", 1}, {"dry_run", false}}},
          {"state", bucket, "store.fence/1", {{"service", "shop"}, {"epoch", 6}}},
          {"secrets",
           {{"credentials", federated()}},
           "secret.fetch/1",
           {{"name", "projects/demo/secrets/key/versions/latest"}}}};
}

const std::vector<Question>& questions() {
  static const auto all = [] {
    auto out = of_target();
    for (auto& more : of_store()) out.push_back(std::move(more));
    return out;
  }();
  return all;
}

}  // namespace

FUZZ(input) { ask_whole(understudy_plugin(), questions(), input); }
