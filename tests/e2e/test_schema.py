"""`plugin schema` with taplo, the TOML tool whose language server editors use: it accepts what `check` accepts, and finds
what a person mistypes."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import npm
from harness import BUILD, ROOT

PROGRAM = os.path.join(BUILD, "bin/understudy")

GOOD = """
[service.s]
primary = "a"
budget = { per_month = "$12.50" }
[service.s.detect]
interval = "1m 30s"
jitter = "5%"
combine = "any"
[service.s.target.a]
plugin = "process"
settings = { command = ["x"], run_dir = "run" }
[[service.s.target.a.health]]
plugin = "http"
settings = { url = "http://x/", bearer = { env = "TOKEN" } }
[[route]]
match = { severity = ">=warning", kind = ["failover.*"] }
to = ["mail"]
throttle = "5m"
[notifier.mail]
plugin = "log"
"""


class Editors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.taplo = npm.program("@taplo/cli", "0.7.0", "taplo")
        cls.folder = tempfile.mkdtemp(prefix="understudy-schema-")
        done = subprocess.run([PROGRAM, "plugin", "schema"], capture_output=True, text=True, check=True, timeout=60)
        cls.schema = os.path.join(cls.folder, "schema.json")
        with open(cls.schema, "w") as out:
            out.write(done.stdout)
        cls.json = json.loads(done.stdout)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def lint(self, text, schema=None):
        code, _, said = self.lint_all({"file.toml": text}, schema)
        return code == 0, said

    def lint_all(self, texts, schema=None):
        """Which are wrong, and what was said. All at once: it takes seconds to start."""
        folder = tempfile.mkdtemp(dir=self.folder)
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w") as out:
                out.write(text)
        paths = {name: os.path.join(folder, name) for name in texts}
        done = subprocess.run([self.taplo, "lint", "--no-auto-config", "--schema", "file://" + (schema or self.schema), *paths.values()], capture_output=True, text=True, timeout=600)
        said = done.stdout + done.stderr
        return done.returncode, {name for name, path in paths.items() if path in said}, said

    def test_the_example_is_right(self):
        with open(os.path.join(ROOT, "orchestrator.toml")) as text:
            ok, said = self.lint(text.read())
        self.assertTrue(ok, said)

    def test_units_secrets_and_routes_are_right(self):
        ok, said = self.lint(GOOD)
        self.assertTrue(ok, said)

    def test_mistakes_are_found(self):
        mistakes = (('primary = "a"', ""), ("interval =", "intervall ="), ('"1m 30s"', "90"), ('"any"', '"some"'), ('plugin = "http"', 'plugin = "htttp"'),
                    ("url =", "uri ="), ('{ env = "TOKEN" }', '{ environment = "TOKEN" }'), ('to = ["mail"]', ""), ('"5m"', '"5 parsecs"'))
        for right, _ in mistakes:
            self.assertIn(right, GOOD)
        files = {f"mistake{n}.toml": GOOD.replace(*mistake) for n, mistake in enumerate(mistakes)}
        code, wrong, said = self.lint_all({**files, "good.toml": GOOD})
        self.assertEqual((code != 0, wrong), (True, set(files)), said)

    def test_an_overlay_requires_nothing(self):
        done = subprocess.run([PROGRAM, "plugin", "schema", "--overlay"], capture_output=True, text=True, check=True, timeout=60)
        path = os.path.join(self.folder, "overlay.json")
        with open(path, "w") as out:
            out.write(done.stdout)
        overlay = '[service.s.detect]\ninterval = "5s"\n'
        self.assertFalse(self.lint(overlay)[0])
        ok, said = self.lint(overlay, path)
        self.assertTrue(ok, said)


if __name__ == "__main__":
    unittest.main()
