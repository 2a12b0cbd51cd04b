"""How long each reader has been fuzzed without a finding: tests/fuzz/record.json, a line a reader, so that an hour each can be
gathered over days. Seconds are of the CPU, not of the clock: a fuzzer may run beside other work. A finding begins it anew."""
import json
import pathlib
import threading

# What brings the bytes. A kind has the time of its readers together.
KINDS = {"configuration": ("config", "agent_file", "plugin_file", "settings_schema", "units", "scenario"),
         "manifests and states": ("snapshot_manifest", "plugin_manifest", "fences", "failover_state", "own_files"),
         "the HTTP API": ("api_routes",),
         "an agent's requests": ("agent_orders", "lease_answer"),
         "providers' replies": ("agent_report", "flyio", "gcp_access", "gcp_cloudrun", "docker_compose", "rclone", "smtp", "telegram", "webhook", "http", "text", "cassette", "reply_lines",
                               "whole_agent", "whole_docker_compose", "whole_flyio", "whole_gcp_cloudrun", "whole_rclone_gdrive", "whole_telegram"),
         "the ABI's payloads": ("frames", "host_calls", "json", "sdk_types", "answers")}
FILE = pathlib.Path("tests/fuzz/record.json")
_lock = threading.Lock()  # jobs note their slices from threads of their own


def read():
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def seconds(name):
    return read().get(name, {}).get("cpu_s", 0)


def kind_of(name):
    """Throws when a reader has none, or several."""
    (kind,) = [kind for kind, readers in KINDS.items() if name in readers]
    return kind


def seconds_of_kind(kind):
    return sum(seconds(name) for name in KINDS[kind])


def add(name, cpu_s, runs, coverage, found):
    """Notes a slice that has ended."""
    with _lock:
        all_ = read()
        one = all_.setdefault(name, {"cpu_s": 0, "runs": 0, "coverage": 0, "findings": 0})
        if found:
            one.update(cpu_s=0, runs=0, findings=one["findings"] + 1)
        else:
            one.update(cpu_s=one["cpu_s"] + round(cpu_s), runs=one["runs"] + runs)
        one["coverage"] = coverage
        lines = ",\n".join(f' {json.dumps(key)}: {json.dumps(all_[key])}' for key in sorted(all_))
        FILE.write_text("{\n" + lines + "\n}\n")
