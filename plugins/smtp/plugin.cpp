#include "notifier.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "smtp", "version": "0.1.0", "license": "Apache-2.0", "summary": "Alerts as e-mail",
  "interfaces": {"notifier": {
    "provides": ["notify.send/1"],
    "settings": {"type": "object", "required": ["host", "from", "to"], "properties": {
      "host": {"type": "string", "minLength": 1, "description": "name of the mail server"},
      "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "default 587 with starttls, 465 with tls, 25 with none"},
      "security": {"type": "string", "enum": ["starttls", "tls", "none"], "default": "starttls", "description": "starttls: begins in clear and must change to TLS; tls: from the first byte; none: never"},
      "user": {"type": "string", "minLength": 1, "description": "for the login; none: without a login"},
      "password": {"type": "string", "x-secret": true, "description": "for the login"},
      "from": {"type": "string", "minLength": 3, "description": "sender: \"ann@example.org\" or \"Ann Ops <ann@example.org>\""},
      "to": {"type": "array", "items": {"type": "string"}, "description": "recipients"},
      "cc": {"type": "array", "items": {"type": "string"}, "description": "more recipients"},
      "subject_prefix": {"type": "string", "default": "[Understudy]", "description": "begins each subject; may be empty"},
      "html": {"type": "boolean", "default": true, "description": "also as HTML, beside the text"},
      "helo": {"type": "string", "description": "name of this machine for the server; default: what the system says"},
      "ca_file": {"type": "string", "format": "path", "description": "certificates to trust (PEM)"},
      "verify_tls": {"type": "boolean", "default": true, "description": "check the server's certificate"},
      "timeout": {"type": "integer", "format": "duration", "minimum": 1, "default": 25000, "description": "for one mail, from connecting to the server's answer"}
    }}}},
  "needs": ["clock.now/1", "secret.get/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "notifier") return nullptr;
                    return std::make_unique<smtp_plugin::Notifier>(host, e);
                  })
