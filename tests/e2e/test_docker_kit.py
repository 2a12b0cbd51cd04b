"""The conformance kit over docker_compose on a real Docker engine: every rule of target and health, in process and isolated.
Afterwards nothing of the kit's runs."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from engine import IMAGE, MISSING, Engine
from harness import BUILD

MEANINGS = {"target": ("round-trip", "twice", "old-epoch", "newer-epoch", "again", "observe-after-unknown", "no-memory", "logs"),
            "health": ("outcome", "together", "timeout")}


@unittest.skipIf(MISSING, MISSING)
class Kit(unittest.TestCase):
    def setUp(self):
        self.engine = Engine()
        self.addCleanup(self.engine.close)
        self.folder = tempfile.mkdtemp(prefix="understudy-kit-")
        self.addCleanup(shutil.rmtree, self.folder)
        # A shell as a container's first process takes no signal that it has no trap for: the grace would be waited for each time.
        service = {"image": IMAGE, "network_mode": "host", "command": ["/bin/sh", "-c", "trap 'exit 0' TERM; echo one; echo two; echo three; echo four; while true; do sleep 0.1; done"]}
        with open(os.path.join(self.folder, "docker-compose.yml"), "w") as out:
            out.write(f'version: "3.8"\nservices:\n  bot: {json.dumps(service)}\n')

    def kit(self, interface, isolation, project, *settings):
        common = [f'project_dir = "{self.folder}"', f'project = "{project}"', f'host = "{self.engine.host}"', *settings]
        with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="understudy-kit-") as file:
            file.write(f"[{interface}]\nsettings = {{ {', '.join(common)} }}\n")
            file.flush()
            words = [os.path.join(BUILD, "bin/understudy"), "plugin", "test", os.path.join(BUILD, "plugins/docker_compose.so"), "--settings", file.name, "--json", "--isolation", isolation]
            done = subprocess.run(words, capture_output=True, text=True, timeout=900)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            self.fail(f"exit {done.returncode}: {done.stdout}{done.stderr}")
        failed = [f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"]
        self.assertEqual(failed, [])
        ours = [c for c in report["cases"] if c["interface"] in ("", interface)]
        self.assertLessEqual({c["name"] for c in ours if c["verdict"] == "skipped"}, {"protocol/secrets", "target/quote"})
        passed = {c["name"] for c in ours if c["isolation"] == isolation and c["verdict"] == "passed"}
        self.assertLessEqual({f"{interface}/{name}" for name in MEANINGS[interface]}, passed)

    def test_every_rule(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:  # side by side, each with a project of its own, for they mostly wait
            for done in [pool.submit(self.target, "loop"), pool.submit(self.target, "process"), pool.submit(self.health)]:
                done.result()

    def target(self, isolation):
        project = "target" + isolation
        self.kit("target", isolation, project, 'started_after = "100ms"')
        self.assertEqual(self.engine.running(project), [])
        left = self.engine.ids("--all", "--filter", f"label=com.docker.compose.project={project}")
        self.assertNotEqual(left, [], "the kit started nothing")

    def health(self):
        self.engine.compose(self.folder, "-p", "health", "up", "-d")
        for isolation in ("loop", "process"):
            self.kit("health", isolation, "health")


if __name__ == "__main__":
    unittest.main()
