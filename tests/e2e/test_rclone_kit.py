"""The conformance kit on rclone_gdrive, in process and isolated: with a folder, with rclone's own WebDAV server and with an S3 server."""
import json
import os
import subprocess
import tempfile
import unittest

import harness
from rclone_site import RcloneSite, S3Site

PROGRAM = os.path.join(harness.BUILD, "bin/understudy")
LIBRARY = os.path.join(harness.BUILD, "plugins/rclone_gdrive.so")


class Kit:
    def kit(self, tamper, *options):
        settings = {"remote": self.root, "config": self.config, "work_dir": self.work, "retry_wait": "100ms"}
        with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="understudy-kit-") as file:
            file.write("[state]\nsettings = { " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in settings.items()) + " }\n")
            file.write("[kit]\ntamper = ['sh', '-c', '''" + tamper + "''']\n")
            file.flush()
            done = subprocess.run([PROGRAM, "plugin", "test", LIBRARY, "--settings", file.name, "--json", *options], capture_output=True, text=True, timeout=1500)
        report = json.loads(done.stdout)
        failed = [f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"]
        self.assertEqual([], failed)
        self.assertEqual(0, done.returncode)
        self.assertLessEqual({c["name"] for c in report["cases"] if c["verdict"] == "skipped"}, {"protocol/secrets"})
        self.assertLessEqual({"loop", "process"}, {c["isolation"] for c in report["cases"]})
        return report

    def in_the_folder(self):
        return f'f="{self.far}/NeoLight/$SERVICE/data/$SNAPSHOT/files/state/large.db"; test -f "$f" && echo x >> "$f"'


class InAFolder(Kit, RcloneSite):
    def test_every_rule(self):
        self.assertGreater(self.kit(self.in_the_folder())["passed"], 30)
        left = [os.path.join(base, name) for base, _, names in os.walk(self.far) for name in names]
        self.assertEqual([], left, "the sweeper left something")


class OverWebdav(Kit, RcloneSite):
    kind = "webdav"

    def test_there_and_back(self):
        self.assertEqual(2, self.kit(self.in_the_folder(), "--only", "state/round-trip")["passed"])


class InABucket(Kit, S3Site):
    def test_there_and_back_and_damage(self):
        words = f'rclone --config {self.config} rcat {self.root}/$SERVICE/data/$SNAPSHOT/files/state/large.db'
        for case in ("state/round-trip", "state/tampered"):
            self.assertEqual(2, self.kit(f"echo x | AWS_CA_BUNDLE= {words}", "--only", case)["passed"])


if __name__ == "__main__":
    unittest.main()
