"""What the tests of gcp_cloudrun share: the fake cloud with one service and one bucket, and the plugin's settings."""
import os
import subprocess
import sys
import unittest

from harness import BUILD, PATIENCE_S, ROOT, paced
from plugin_driver import Plugin

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from google_cloud import GoogleCloud, error  # noqa: E402, F401

PLANTED = ("planted-", "BEGIN PRIVATE KEY")


def knows_secrets():
    """Whether this build's core knows the interface `secrets`."""
    words = [os.path.join(BUILD, "bin/understudy"), "plugin", "call", "--help"]
    return "secrets" in subprocess.run(words, capture_output=True, text=True, timeout=60).stdout


class GcpTest(unittest.TestCase):
    def setUp(self):
        self.cloud = GoogleCloud()
        self.service = self.cloud.run.add()
        self.bucket = self.cloud.storage.add()
        self.plugins = []

    def tearDown(self):
        for plugin in self.plugins:
            plugin.close()
        self.cloud.close()
        self.cloud.identity.close()
        self.assertEqual(self.cloud.problems, [])
        for plugin in self.plugins:  # nothing secret in a log, an error or an argument
            said = plugin.said() + " ".join(plugin.process.args) + str(getattr(plugin, "answers_kept", ""))
            for secret in PLANTED:
                self.assertNotIn(secret, said)

    def plugin(self, interface, env=None, isolation="loop", **settings):
        settings = {"oauth_api": self.cloud.base, "iam_api": self.cloud.base, "metadata_api": self.cloud.base,
                    "api": self.cloud.base, "credentials": self.cloud.identity.service_account_file(), **settings}
        if interface == "state":
            settings = {"bucket": "gs://snapshots/some/prefix", "project": "demo", **settings}
        elif interface != "secrets":
            settings = {"project": "demo", "region": "europe-west1", "service": "svc", **settings}
        if interface == "target":
            settings = {"quiet_after_stop": 50, "idle_for": 100, **settings}
        settings = {k: v for k, v in settings.items() if v is not None}
        plugin = Kept("gcp_cloudrun", interface, settings, env={"KEY": self.cloud.run.API_KEY, **(env or {})}, isolation=isolation)
        self.plugins.append(plugin)
        return plugin

    def supervised(self, interface="target", **settings):
        self.service.doc["scaling"] = {"scalingMode": "MANUAL", "manualInstanceCount": 1}
        return self.plugin(interface, **{"mode": "supervisor", "api_key": {"$secret": {"env": "KEY"}}, "store": "gs://snapshots/some/prefix", **settings})

    def ok(self, answer):
        self.assertEqual(answer["status"], "ok", answer)
        return answer["result"]

    def refused(self, answer, status, *words):
        self.assertEqual(answer["status"], status, answer)
        said = answer["error"]["message"] + " | " + answer["error"].get("hint", "")
        for word in words:
            self.assertIn(word, said)
        return answer["error"]


class Kept(Plugin):
    """Keeps every answer, so that secrets can be looked for in them."""

    answers_kept = ""

    def receive(self, patience=PATIENCE_S):
        answer = super().receive(patience)
        self.answers_kept += str(answer)
        return answer

    def activate(self, epoch, budget_ms=paced(10000), snapshot=""):
        return self.call("standby.activate/1", {"service": "service", "target": "target", "epoch": epoch, "operation": f"op{epoch}", "snapshot": snapshot, "reason": "failover"}, budget_ms)

    def deactivate(self, epoch, budget_ms=paced(10000)):
        return self.call("standby.deactivate/1", {"service": "service", "target": "target", "epoch": epoch, "operation": f"stop{epoch}", "grace_ms": 100}, budget_ms)

    def rollback(self, epoch, operation="back", budget_ms=paced(10000)):
        return self.call("standby.rollback/1", {"service": "service", "target": "target", "epoch": epoch, "operation": operation}, budget_ms)

    def observe(self, budget_ms=paced(5000)):
        return self.call("standby.observe/1", {"service": "service", "target": "target"}, budget_ms)

    def push(self, paths, epoch=1, snapshot="20261120T101500.123Z-e1", budget_ms=paced(30000)):
        return self.call("store.push/1", {"service": "counter", "id": snapshot, "epoch": epoch, "paths": [{"name": n, "path": p} for n, p in paths.items()]}, budget_ms)

    def pull(self, staging, snapshot="20261120T101500.123Z-e1", budget_ms=paced(30000)):
        return self.call("store.pull/1", {"service": "counter", "id": snapshot, "staging": staging}, budget_ms)

    def fetch(self, secret="key", version="latest", budget_ms=paced(10000), name=""):
        return self.call("secret.fetch/1", {"name": name or f"projects/demo/secrets/{secret}/versions/{version}"}, budget_ms)

    def list(self):
        return self.call("store.list/1", {"service": "counter"})
