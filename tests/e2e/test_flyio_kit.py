"""The conformance kit over flyio: every rule of target and health, in process and isolated, against the fake Machines API; its report holds
no secret."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import unittest

from harness import BUILD, ROOT

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from fly_machines import FlyMachines  # noqa: E402

TOKEN = "fo1_planted_token"


class Kit(unittest.TestCase):
    def setUp(self):
        self.fly = FlyMachines(token=TOKEN)
        self.fly.seconds.update(start=0.02, stop=0.02, settle=0.0, update=0.02)

    def tearDown(self):
        self.fly.close()
        self.assertEqual(self.fly.problems, [])

    def kit(self, interface, *settings):
        common = ['app = "standby"', 'token = { env = "PLANTED" }', f'api = "{self.fly.url}"', *settings]
        with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="understudy-kit-") as file:
            file.write(f"[{interface}]\nsettings = {{ {', '.join(common)} }}\n")
            file.flush()
            words = [os.path.join(BUILD, "bin/understudy"), "plugin", "test", os.path.join(BUILD, "plugins/flyio.so"), "--settings", file.name, "--json"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=900, env={**os.environ, "PLANTED": TOKEN})
        self.assertNotIn(TOKEN, done.stdout + done.stderr)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            self.fail(f"exit {done.returncode}: {done.stdout}{done.stderr}")
        failed = [f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"]
        self.assertEqual(failed, [])
        ours = [c for c in report["cases"] if c["interface"] in ("", interface)]
        self.assertLessEqual({c["name"] for c in ours if c["verdict"] == "skipped"}, {"protocol/secrets", "target/logs"})
        self.assertLessEqual({"loop", "process"}, {c["isolation"] for c in ours if c["interface"] == interface and c["verdict"] == "passed"})
        self.assertGreater(report["passed"], 20)

    def test_every_rule(self):
        with concurrent.futures.ThreadPoolExecutor() as both:  # side by side, for they mostly wait
            for done in [both.submit(self.target), both.submit(self.health)]:
                done.result()

    def target(self):
        machine = self.fly.add(metadata={"fly_process_group": "bot"})
        self.kit("target", 'started_after = "20ms"', 'lease_ttl = "5s"', 'process_group = "bot"')
        self.assertEqual(machine.state, "stopped")
        self.assertTrue(machine.lease is None or machine.lease["description"].endswith(" stops"))
        self.assertGreater(machine.boots, 3)

    def health(self):
        self.fly.add(state="started", metadata={"fly_process_group": "web"}).checks = [{"name": "alive", "status": "passing", "output": "200"}]
        self.kit("health", 'process_group = "web"')


if __name__ == "__main__":
    unittest.main()
