"""The conformance kit over gcp_cloudrun: every rule of target, health and state, against the fake cloud."""
import json
import os
import subprocess
import tempfile
import unittest

from gcp import GcpTest
from harness import BUILD


class Kit(GcpTest):
    def kit(self, text, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="understudy-kit-") as settings:
            settings.write(text)
            settings.flush()
            done = subprocess.run([os.path.join(BUILD, "bin/understudy"), "plugin", "test", os.path.join(BUILD, "plugins/gcp_cloudrun.so"), "--settings", settings.name, "--json",
                                   *options], capture_output=True, text=True, timeout=900, env={**os.environ, "KEY": self.cloud.run.API_KEY})
        try:
            report = json.loads(done.stdout)
        except ValueError:
            self.fail(f"exit {done.returncode}: {done.stdout}{done.stderr}")
        failed = [f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"]
        self.assertEqual(failed, [])
        used = [i for i in ("target", "health", "state") if f"[{i}]" in text]
        skipped = {c["name"] for c in report["cases"] if c["verdict"] == "skipped" and c["interface"] in ("", *used)}
        self.assertLessEqual(skipped, {"protocol/secrets", "target/logs"})
        self.assertGreater(report["passed"], 20)

    def common(self, **more):
        settings = {"credentials": self.cloud.identity.service_account_file(), "oauth_api": self.cloud.base, "iam_api": self.cloud.base, "metadata_api": self.cloud.base,
                    "api": self.cloud.base, **more}
        return ", ".join(f"{k} = {v if v.startswith('{') else json.dumps(v)}" for k, v in settings.items())

    def test_control_plane_and_health(self):
        service = {"project": "demo", "region": "europe-west1", "service": "svc"}
        self.kit(f"[target]\nsettings = {{ {self.common(**service, quiet_after_stop='100ms')} }}\n[health]\nsettings = {{ {self.common(**service, health_path='')} }}\n")

    def test_supervisor(self):
        self.service.doc["scaling"] = {"scalingMode": "MANUAL", "manualInstanceCount": 1}
        service = {"project": "demo", "region": "europe-west1", "service": "svc", "mode": "supervisor", "api_key": '{ env = "KEY" }', "url": self.service.doc["uri"]}
        self.kit(f"[target]\nsettings = {{ {self.common(**service)} }}\n")

    def test_state(self):
        def tamper(asked):
            names = [n for n in self.bucket if asked["id"] in n and n.endswith("/state/large.db")]
            for name in names:
                self.cloud.storage.put("snapshots", name, self.bucket[name]["data"] + b"x")
            return names
        self.cloud.hooks["/_tamper"] = tamper
        ask = f"import os, urllib.request; urllib.request.urlopen('{self.cloud.base}/_tamper?id=' + os.environ['SNAPSHOT'])"
        self.bucket["other/thing"] = self.cloud.storage.put("snapshots", "other/thing", b"not ours")
        self.kit(f"[state]\nsettings = {{ {self.common(bucket='gs://snapshots/some/prefix')} }}\n[kit]\ntamper = ['python3', '-c', '''{ask.replace(chr(39), chr(34))}''']\n")
        self.assertEqual(set(self.bucket), {"other/thing"}, "the sweeper left something, or removed what is not ours")


if __name__ == "__main__":
    unittest.main()
