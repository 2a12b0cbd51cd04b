#include "health.hpp"
#include "target.hpp"

using namespace understudy::sdk;

UNDERSTUDY_PLUGIN(R"json({
  "name": "process", "version": "0.1.0", "license": "Apache-2.0", "summary": "Processes of this host, as targets and as health",
  "interfaces": {
    "target": {
      "provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1", "standby.logs/1", "drill.start/1", "drill.observe/1", "drill.end/1"],
      "settings": {"type": "object", "required": ["command", "run_dir"], "properties": {
        "command": {"type": "array", "items": {"type": "string"}, "description": "the program and its arguments; no shell"},
        "cwd": {"type": "string", "format": "path", "description": "folder to run it in"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}, "description": "variables added to its environment"},
        "run_dir": {"type": "string", "format": "path", "description": "folder for the record of what runs, and the log"},
        "log_file": {"type": "string", "format": "path", "description": "where its output goes; default: in run_dir"},
        "started_after": {"type": "integer", "format": "duration", "default": 150, "description": "how long it must live to count as started"},
        "stop_signal": {"type": "string", "enum": ["TERM", "INT", "QUIT"], "default": "TERM", "description": "asks it to end"},
        "drill": {"type": "object", "description": "how a drill's copy is started, where `command` does not name the state's folders or two may not share a port", "properties": {
          "command": {"type": "array", "items": {"type": "string"}, "description": "instead of `command`"},
          "env": {"type": "object", "additionalProperties": {"type": "string"}, "description": "added to `env`"}}},
        "price": {"type": "object", "description": "what this host costs", "properties": {
          "standby_per_hour": {"type": "number", "format": "money"}, "active_per_hour": {"type": "number", "format": "money"}}}
      }}
    },
    "health": {
      "provides": ["health.check/1", "health.watch/1"],
      "settings": {"type": "object", "properties": {
        "pid_file": {"type": "string", "format": "path", "description": "file that holds the pid"},
        "match": {"type": "string", "minLength": 1, "description": "name of the program, or part of its command line; /.../ is a regular expression"},
        "run_dir": {"type": "string", "format": "path", "description": "of the process target: what that started"},
        "min_count": {"type": "integer", "minimum": 1, "default": 1, "description": "so many must run"},
        "weak": {"type": "boolean", "default": false, "description": "alive counts as degraded: for the last check of a chain"}
      }}
    }
  },
  "needs": []
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface == "target") return process_plugin::make_target(host, e);
                    if (e.interface == "health") return process_plugin::make_health(host, e);
                    return nullptr;
                  })
