#include "target.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "agent", "version": "0.1.0", "license": "Apache-2.0", "summary": "Any host where an `understudy agent` runs beside the workload",
  "interfaces": {
    "target": {
      "provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1", "target.diagnose/1"],
      "settings": {"type": "object", "required": ["url", "api_key"], "properties": {
        "url": {"type": "string", "format": "url", "description": "where the agent listens: http://10.0.0.2:8760, or https:// through a proxy"},
        "api_key": {"type": "string", "x-secret": true, "description": "the `api_key` of the agent's file"},
        "ca_file": {"type": "string", "format": "path", "description": "certificates to trust; default: the system's"},
        "service": {"type": "string", "minLength": 1, "description": "the `service` of the agent's file, when it has another name there"},
        "store": {"type": "string", "minLength": 1, "description": "where the snapshots are, told with each activation; default: the agent's file says it"},
        "poll": {"type": "integer", "format": "duration", "minimum": 10, "default": 250, "description": "how often the agent is asked while a start or a stop is waited for"}
      }}
    },
    "health": {
      "provides": ["health.check/1"],
      "settings": {"type": "object", "required": ["url"], "properties": {
        "url": {"type": "string", "format": "url", "description": "where the agent listens"},
        "ca_file": {"type": "string", "format": "path", "description": "certificates to trust; default: the system's"},
        "service": {"type": "string", "minLength": 1, "description": "the `service` of the agent's file, when it has another name there"}
      }}
    }
  },
  "needs": ["http.request/1", "secret.get/1", "timer.after/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface == "target") return agent_plugin::make_target(host, e);
                    if (e.interface == "health") return agent_plugin::make_health(host, e);
                    return nullptr;
                  })
