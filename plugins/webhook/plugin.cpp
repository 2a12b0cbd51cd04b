#include "notifier.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "webhook", "version": "0.1.0", "license": "Apache-2.0", "summary": "Alerts as signed JSON to a URL, as Slack messages, or by ntfy",
  "interfaces": {"notifier": {
    "provides": ["notify.send/1"],
    "settings": {"type": "object", "required": ["url"], "properties": {
      "url": {"type": "string", "x-secret": true, "description": "where to POST; never shown in an error, since for Slack and others it is a secret"},
      "format": {"type": "string", "enum": ["json", "slack", "ntfy"], "default": "json", "description": "json: the alert as docs/plugins/webhook.md describes it; slack: an incoming webhook; ntfy: a server of ntfy"},
      "signing_secret": {"type": "string", "x-secret": true, "description": "signs each request: HMAC-SHA256 over time and body in X-Understudy-Signature"},
      "bearer": {"type": "string", "x-secret": true, "description": "bearer token; for ntfy its access token"},
      "topic": {"type": "string", "minLength": 1, "description": "ntfy: the topic; default: the last part of the url's path"},
      "headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "more headers to send"},
      "secret_headers": {"type": "object", "additionalProperties": {"x-secret": true}, "description": "headers to send whose values are secrets"},
      "timeout": {"type": "integer", "format": "duration", "minimum": 1, "default": 10000, "description": "for the answer"},
      "ca_file": {"type": "string", "format": "path", "description": "certificates to trust (PEM)"},
      "client_cert": {"type": "string", "format": "path", "description": "certificate to show (PEM)"},
      "client_key": {"type": "string", "format": "path", "description": "its key (PEM)"},
      "verify_tls": {"type": "boolean", "default": true, "description": "check the server's certificate"}
    }}}},
  "needs": ["http.request/1", "clock.now/1", "secret.get/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "notifier") return nullptr;
                    return std::make_unique<webhook_plugin::Notifier>(host, e);
                  })
