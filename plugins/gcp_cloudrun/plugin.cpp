#include "health.hpp"
#include "secrets.hpp"
#include "state.hpp"
#include "target.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "gcp_cloudrun", "version": "0.1.0", "license": "Apache-2.0", "summary": "A Cloud Run service as target and as health, Cloud Storage as state store, and Secret Manager as source of secrets",
  "secret_source": "gcp_secret",
  "interfaces": {
    "target": {
      "provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1", "standby.rollback/1", "standby.prewarm/1", "target.diagnose/1"],
      "settings": {"type": "object", "required": ["project", "region", "service"], "properties": {
        "project": {"type": "string", "minLength": 1, "description": "id of the Google Cloud project"},
        "region": {"type": "string", "minLength": 1, "description": "region of the service, such as europe-west1"},
        "service": {"type": "string", "minLength": 1, "description": "name of the Cloud Run service; it must exist"},
        "mode": {"type": "string", "enum": ["control_plane", "supervisor"], "default": "control_plane", "description": "control_plane: its containers are the workload, started by the number of instances; supervisor: an agent in it is always up and starts the workload when asked"},
        "scaling": {"type": "string", "enum": ["manual", "minimum"], "default": "manual", "description": "control_plane: manual switches the service off (0 instances); minimum only keeps none, and a request may start one"},
        "instances": {"type": "integer", "minimum": 1, "default": 1, "description": "how many are kept while active"},
        "quiet_after_stop": {"type": "integer", "format": "duration", "default": 15000, "description": "with manual scaling: how long after the change an ending instance may live (Cloud Run kills it 10 s after SIGTERM)"},
        "idle_for": {"type": "integer", "format": "duration", "default": 900000, "description": "otherwise: how long Cloud Run may keep an idle instance"},
        "works_between_requests": {"type": "boolean", "default": true, "description": "it needs CPU without requests; a service with CPU only during requests is then refused"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}, "description": "control_plane: more variables for its containers"},
        "url": {"type": "string", "format": "url", "description": "address of the service; default: as Cloud Run says. Supervisor mode: name it, so that a failover does not need the control plane"},
        "health_path": {"type": "string", "default": "/health", "description": "supervisor: where it tells its state"},
        "api_key": {"x-secret": true, "description": "supervisor: sent as X-API-Key"},
        "store": {"type": "string", "description": "supervisor: told to it as the place of the snapshots, such as gs://bucket/prefix; default: it knows"},
        "private": {"type": "boolean", "default": false, "description": "the service lets in only callers with roles/run.invoker: show an identity token"},
        "audience": {"type": "string", "description": "of the identity token; default: the service's address"},
        "credentials": {"type": "string", "format": "path", "description": "credentials file (service account key, authorized user, workload identity federation); default: application default credentials, then the metadata server"},
        "impersonate": {"type": "string", "description": "e-mail of a service account to act as"},
        "requests_per_hour": {"type": "number", "minimum": 0, "default": 0, "description": "for the quote: requests while active"},
        "time_per_request": {"type": "integer", "format": "duration", "default": 100, "description": "for the quote"},
        "free_tier_share": {"type": "number", "format": "percent", "default": 0, "description": "for the quote: share of the billing account's monthly free tier that is left for this service"},
        "price": {"type": "object", "description": "overrules the list prices of the quote", "properties": {
          "vcpu_second": {"type": "number", "format": "money", "description": "of a vCPU-second"},
          "gib_second": {"type": "number", "format": "money", "description": "of a GiB-second"},
          "idle_vcpu_second": {"type": "number", "format": "money", "description": "of a kept instance between requests"},
          "idle_gib_second": {"type": "number", "format": "money", "description": "of a kept instance between requests"},
          "million_requests": {"type": "number", "format": "money", "description": "of a million requests"},
          "transfer_per_gb": {"type": "number", "format": "money", "description": "of bringing a GB of state in"},
          "standby_per_hour": {"type": "number", "format": "money", "description": "the whole, while it waits"},
          "active_per_hour": {"type": "number", "format": "money", "description": "the whole, while it runs the service"}}},
        "api": {"type": "string", "format": "url", "default": "https://run.googleapis.com", "description": "base of the Cloud Run Admin API"},
        "oauth_api": {"type": "string", "format": "url", "default": "https://oauth2.googleapis.com", "description": "base of the token endpoint, where the credentials file names none"},
        "iam_api": {"type": "string", "format": "url", "default": "https://iamcredentials.googleapis.com", "description": "base of the service account credentials API, for impersonate"},
        "metadata_api": {"type": "string", "format": "url", "default": "http://169.254.169.254", "description": "base of the metadata server"}
      }}
    },
    "health": {
      "provides": ["health.check/1"],
      "settings": {"type": "object", "required": ["project", "region", "service"], "properties": {
        "project": {"type": "string", "minLength": 1, "description": "id of the Google Cloud project"},
        "region": {"type": "string", "minLength": 1, "description": "region of the service"},
        "service": {"type": "string", "minLength": 1, "description": "name of the Cloud Run service"},
        "url": {"type": "string", "format": "url", "description": "address of the service; default: as Cloud Run says"},
        "health_path": {"type": "string", "default": "/health", "description": "asked at the service's address; empty: only the Ready condition counts"},
        "api_key": {"x-secret": true, "description": "sent as X-API-Key"},
        "private": {"type": "boolean", "default": false, "description": "show an identity token to the service"},
        "audience": {"type": "string", "description": "of the identity token; default: the service's address"},
        "credentials": {"type": "string", "format": "path", "description": "credentials file; default: application default credentials, then the metadata server"},
        "impersonate": {"type": "string", "description": "e-mail of a service account to act as"},
        "api": {"type": "string", "format": "url", "default": "https://run.googleapis.com", "description": "base of the Cloud Run Admin API"},
        "oauth_api": {"type": "string", "format": "url", "default": "https://oauth2.googleapis.com", "description": "base of the token endpoint"},
        "iam_api": {"type": "string", "format": "url", "default": "https://iamcredentials.googleapis.com", "description": "base of the service account credentials API"},
        "metadata_api": {"type": "string", "format": "url", "default": "http://169.254.169.254", "description": "base of the metadata server"}
      }}
    },
    "state": {
      "provides": ["store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1", "store.fence/1"],
      "settings": {"type": "object", "required": ["bucket"], "properties": {
        "bucket": {"type": "string", "minLength": 6, "description": "where the snapshots are: gs://bucket/prefix; nothing outside the prefix is touched"},
        "project": {"type": "string", "description": "id of the project, for advice in errors"},
        "parallel": {"type": "integer", "minimum": 1, "maximum": 64, "default": 8, "description": "files on their way at once"},
        "credentials": {"type": "string", "format": "path", "description": "credentials file; default: application default credentials, then the metadata server"},
        "impersonate": {"type": "string", "description": "e-mail of a service account to act as"},
        "api": {"type": "string", "format": "url", "default": "https://storage.googleapis.com", "description": "base of the Cloud Storage JSON API"},
        "oauth_api": {"type": "string", "format": "url", "default": "https://oauth2.googleapis.com", "description": "base of the token endpoint"},
        "iam_api": {"type": "string", "format": "url", "default": "https://iamcredentials.googleapis.com", "description": "base of the service account credentials API"},
        "metadata_api": {"type": "string", "format": "url", "default": "http://169.254.169.254", "description": "base of the metadata server"}
      }}
    },
    "secrets": {
      "provides": ["secret.fetch/1"],
      "settings": {"type": "object", "required": [], "properties": {
        "credentials": {"type": "string", "format": "path", "description": "credentials file; default: application default credentials, then the metadata server"},
        "impersonate": {"type": "string", "description": "e-mail of a service account to act as"},
        "api": {"type": "string", "format": "url", "description": "base of the Secret Manager API; default: https://secretmanager.googleapis.com, and for a regional secret the address of its location"},
        "oauth_api": {"type": "string", "format": "url", "default": "https://oauth2.googleapis.com", "description": "base of the token endpoint"},
        "iam_api": {"type": "string", "format": "url", "default": "https://iamcredentials.googleapis.com", "description": "base of the service account credentials API"},
        "metadata_api": {"type": "string", "format": "url", "default": "http://169.254.169.254", "description": "base of the metadata server"}
      }}
    }
  },
  "needs": ["http.request/1", "timer.after/1", "clock.now/1", "secret.get/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface == "target") return gcp::make_target(host, e);
                    if (e.interface == "health") return gcp::make_health(host, e);
                    if (e.interface == "secrets") return gcp::make_secrets(host, e);
                    if (e.interface == "state") return gcp::make_state(host, e);
                    return nullptr;
                  })
