#include "check.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "http", "version": "0.1.0", "license": "Apache-2.0", "summary": "HTTP and TCP checks",
  "interfaces": {"health": {
    "provides": ["health.check/1"],
    "settings": {"type": "object", "required": ["url"], "properties": {
      "url": {"type": "string", "format": "url", "description": "http://, https:// or tcp://host:port"},
      "method": {"type": "string", "enum": ["GET", "HEAD", "POST", "PUT", "OPTIONS"], "description": "default GET"},
      "body": {"type": "string", "description": "what to send"},
      "headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "headers to send"},
      "secret_headers": {"type": "object", "additionalProperties": {"x-secret": true}, "description": "headers to send whose values are secrets"},
      "basic": {"type": "object", "required": ["user", "password"], "properties": {"user": {"type": "string"}, "password": {"type": "string", "x-secret": true}}, "description": "basic authentication"},
      "bearer": {"type": "string", "x-secret": true, "description": "bearer token"},
      "unix_socket": {"type": "string", "format": "path", "description": "connect there instead of to the host of the url"},
      "verify_tls": {"type": "boolean", "default": true, "description": "check the server's certificate"},
      "ca_file": {"type": "string", "format": "path", "description": "certificates to trust"},
      "redirects": {"type": "integer", "minimum": 0, "maximum": 20, "default": 0, "description": "how many to follow"},
      "max_body": {"type": "integer", "format": "size", "description": "how much of the body to read; default 1 MiB"},
      "timeout": {"type": "integer", "format": "duration", "description": "shorter than detect.timeout"},
      "status": {"type": ["integer", "string", "array"], "description": "what counts as healthy: 200, \"2xx\", [200, 204]; default 200-299"},
      "json": {"type": "object", "additionalProperties": true, "description": "\"$.path\" = value or condition (\">= 3\", \"!= null\", \"matches ^ok\", \"exists\")"},
      "body_contains": {"type": "string", "minLength": 1, "description": "text that must be in the body"},
      "body_matches": {"type": "string", "minLength": 1, "description": "regular expression that the body must match"},
      "expect_headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "text that must be in a header of the answer"},
      "latency_limit": {"type": "integer", "format": "duration", "description": "slower is degraded"},
      "latency_fail": {"type": "integer", "format": "duration", "description": "slower is a failure"},
      "tls_expiry_warn": {"type": "integer", "format": "duration", "default": 1209600000, "description": "a certificate that ends sooner is degraded"},
      "send": {"type": "string", "description": "tcp: what to say"},
      "expect": {"type": "string", "description": "tcp: text that must come"}
    }}}},
  "needs": ["http.request/1", "tcp.connect/1", "secret.get/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "health") return nullptr;
                    const bool tcp = e.settings.value("url", "").rfind("tcp://", 0) == 0;
                    return tcp ? http_plugin::make_tcp_check(host, e) : http_plugin::make_http_check(host, e);
                  })
