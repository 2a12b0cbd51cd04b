"""The conformance kit over gcp_cloudrun, against the fake cloud."""
import concurrent.futures
import json
import os
import subprocess
import tempfile

from gcp import GcpTest
from harness import BUILD


class KitTest(GcpTest):
    SERVICE = {"project": "demo", "region": "europe-west1", "service": "svc"}

    def at_once(self, *runs):
        """Several kits, each with a service of its own: they mostly wait."""
        with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
            for done in [pool.submit(run) for run in runs]:
                done.result()

    def kit(self, text, *options, at_least=20, both=True):
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
        used = [i for i in ("target", "health", "state", "secrets") if f"[{i}]" in text]
        skipped = {c["name"] for c in report["cases"] if c["verdict"] == "skipped" and c["interface"] in ("", *used)}
        self.assertLessEqual(skipped, {"protocol/secrets", "target/logs"})
        self.assertGreater(report["passed"], at_least)
        if both:
            self.assertLessEqual({"loop", "process"}, {c["isolation"] for c in report["cases"] if c["verdict"] == "passed"})

    def common(self, **more):
        settings = {"credentials": self.cloud.identity.service_account_file(), "oauth_api": self.cloud.base, "iam_api": self.cloud.base, "metadata_api": self.cloud.base,
                    "api": self.cloud.base, **more}
        return ", ".join(f"{k} = {v if v.startswith('{') else json.dumps(v)}" for k, v in settings.items())
