#include "health.hpp"
#include "target.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "docker_compose", "version": "0.1.0", "license": "Apache-2.0", "summary": "A compose project on a Docker engine, as target and as health",
  "interfaces": {
    "target": {
      "provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1", "standby.logs/1", "drill.start/1", "drill.observe/1", "drill.end/1"],
      "settings": {"type": "object", "required": ["project_dir"], "properties": {
        "project_dir": {"type": "string", "format": "path", "description": "folder of the compose file"},
        "files": {"type": "array", "items": {"type": "string"}, "description": "compose files, in merging order; default: as compose finds them"},
        "project": {"type": "string", "minLength": 1, "description": "project name; default: as compose derives it"},
        "services": {"type": "array", "items": {"type": "string"}, "description": "only these are started, watched and stopped; default: all"},
        "profiles": {"type": "array", "items": {"type": "string"}, "description": "profiles to enable"},
        "host": {"type": "string", "description": "the engine: unix:///path, tcp://host:port or ssh://user@host; default: this machine's"},
        "tls_dir": {"type": "string", "format": "path", "description": "ca.pem, cert.pem and key.pem for a tcp:// engine with TLS"},
        "ssh_options": {"type": "array", "items": {"type": "string"}, "description": "more arguments for ssh, such as [\"-i\", \"/path/key\"]"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}, "description": "variables for the compose file and its containers"},
        "restart": {"type": "string", "enum": ["on-failure", "no", "keep"], "default": "on-failure", "description": "restart policy of the containers; keep: as the compose file says"},
        "started_after": {"type": "integer", "format": "duration", "default": 250, "description": "how long its containers must live to count as started"},
        "program": {"type": "array", "items": {"type": "string"}, "description": "the compose program; default: docker compose, else docker-compose"},
        "drill": {"type": "object", "description": "of a drill's copy, which runs as project NAME-drill", "properties": {
          "env": {"type": "object", "additionalProperties": {"type": "string"}, "description": "added to `env`"},
          "shared": {"type": "array", "items": {"type": "string"}, "description": "absolute paths that the copy may write to as the standby does; others that it mounts must be read_only"},
          "ports": {"type": "boolean", "default": false, "description": "keep published ports, the host's network and shared networks: the health checks see the copy"}}},
        "price": {"type": "object", "description": "what this host costs", "properties": {
          "standby_per_hour": {"type": "number", "format": "money"}, "active_per_hour": {"type": "number", "format": "money"}}}
      }}
    },
    "health": {
      "provides": ["health.check/1", "health.watch/1"],
      "settings": {"type": "object", "required": ["project_dir"], "properties": {
        "project_dir": {"type": "string", "format": "path", "description": "folder of the compose file"},
        "files": {"type": "array", "items": {"type": "string"}, "description": "compose files, in merging order; default: as compose finds them"},
        "project": {"type": "string", "minLength": 1, "description": "project name; default: as compose derives it"},
        "services": {"type": "array", "items": {"type": "string"}, "description": "these must run; default: all that have containers"},
        "host": {"type": "string", "description": "the engine: unix:///path, tcp://host:port or ssh://user@host; default: this machine's"},
        "tls_dir": {"type": "string", "format": "path", "description": "ca.pem, cert.pem and key.pem for a tcp:// engine with TLS"},
        "ssh_options": {"type": "array", "items": {"type": "string"}, "description": "more arguments for ssh"},
        "weak": {"type": "boolean", "default": false, "description": "running without a healthcheck counts as degraded: for the last check of a chain"}
      }}
    }
  },
  "needs": ["http.request/1", "process.run/1", "tcp.connect/1", "timer.after/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface == "target") return compose_plugin::make_target(host, e);
                    if (e.interface == "health") return compose_plugin::make_health(host, e);
                    return nullptr;
                  })
