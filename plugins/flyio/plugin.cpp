#include "health.hpp"
#include "target.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "flyio", "version": "0.1.0", "license": "Apache-2.0", "summary": "Machines of a Fly.io app, as target and as health",
  "interfaces": {
    "target": {
      "provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1", "standby.rollback/1", "standby.prewarm/1", "target.diagnose/1"],
      "settings": {"type": "object", "required": ["app", "token"], "properties": {
        "app": {"type": "string", "minLength": 1, "description": "name of the Fly app"},
        "token": {"type": "string", "x-secret": true, "description": "a deploy token of the app: fly tokens create deploy"},
        "api": {"type": "string", "format": "url", "default": "https://api.machines.dev", "description": "the Machines API; http://_api.internal:4280 inside the private network"},
        "process_group": {"type": "string", "description": "only machines of this process group; default: all of the app"},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}, "description": "only machines with this metadata"},
        "count": {"type": "integer", "minimum": 1, "maximum": 20, "default": 1, "description": "machines that run while the service is active"},
        "max_machines": {"type": "integer", "minimum": 1, "maximum": 50, "default": 5, "description": "never create more machines than this in all"},
        "regions": {"type": "array", "items": {"type": "string"}, "description": "where to run, best first; without room in one the next is tried"},
        "image": {"type": "string", "description": "image of machines that are created; default: they are copied from an existing one"},
        "size": {"type": "string", "default": "shared-cpu-1x", "description": "of machines that are created, and for the price when none exists"},
        "memory": {"type": "integer", "format": "size", "description": "memory of machines that are created; default: what the size brings"},
        "config": {"type": "object", "additionalProperties": true, "description": "more of the config of machines that are created, as the Machines API has it: services, checks, mounts"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}, "description": "variables of the machines while active"},
        "restart": {"type": "string", "enum": ["on-failure", "no", "keep"], "default": "on-failure", "description": "restart policy while active; keep: as the machine has it"},
        "autostop": {"type": "string", "enum": ["off", "stop", "suspend", "keep"], "default": "off", "description": "whether Fly's proxy stops an active machine without traffic and wakes it again"},
        "idle_stop": {"type": "integer", "format": "duration", "default": 0, "description": "told to the workload as UNDERSTUDY_IDLE_STOP_S: end without an error after so long without activity; 0: never"},
        "prewarm": {"type": "string", "enum": ["off", "suspend"], "default": "off", "description": "suspend: the image waits while UNDERSTUDY_STANDBY=1, so it may be booted ahead and suspended"},
        "started_after": {"type": "integer", "format": "duration", "default": 1000, "description": "how long a machine must live to count as started"},
        "lease_ttl": {"type": "integer", "format": "duration", "default": 30000, "minimum": 5000, "description": "after a crash a machine is locked for so long"},
        "rootfs_gb": {"type": "number", "minimum": 0, "default": 1, "description": "size of the image on disk, for the price of a stopped machine"},
        "price": {"type": "object", "description": "instead of Fly's list prices", "properties": {
          "standby_per_hour": {"type": "number", "format": "money"}, "active_per_hour": {"type": "number", "format": "money"},
          "transfer_per_gb": {"type": "number", "format": "money"}}}
      }}
    },
    "health": {
      "provides": ["health.check/1"],
      "settings": {"type": "object", "required": ["app", "token"], "properties": {
        "app": {"type": "string", "minLength": 1, "description": "name of the Fly app"},
        "token": {"type": "string", "x-secret": true, "description": "a token that may read the app: fly tokens create readonly, or deploy"},
        "api": {"type": "string", "format": "url", "default": "https://api.machines.dev", "description": "the Machines API; http://_api.internal:4280 inside the private network"},
        "process_group": {"type": "string", "description": "only machines of this process group; default: all of the app"},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}, "description": "only machines with this metadata"},
        "count": {"type": "integer", "minimum": 1, "maximum": 20, "default": 1, "description": "so many machines must run"},
        "weak": {"type": "boolean", "default": false, "description": "running without checks counts as degraded: for the last check of a chain"},
        "asleep": {"type": "string", "enum": ["fail", "degraded"], "default": "fail", "description": "what it counts as that a machine has ended by itself without an error: after inactivity"}
      }}
    }
  },
  "needs": ["http.request/1", "secret.get/1", "timer.after/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface == "target") return flyio_plugin::make_target(host, e);
                    if (e.interface == "health") return flyio_plugin::make_health(host, e);
                    return nullptr;
                  })
