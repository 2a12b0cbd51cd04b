"""flyio through a validating proxy that others wrote (Prism, from npm) with Fly's own description of its API: what it sends, and
what our fake answers, must both obey."""
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import npm
from harness import PATIENCE_S, ROOT, free_port, paced, wait_for
from plugin_driver import Plugin

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from fly_machines import CONTRACT, FlyMachines  # noqa: E402

TOKEN = "fo1_planted_token"


class Prism(unittest.TestCase):
    def setUp(self):
        prism = npm.program("@stoplight/prism-cli", "5.14.2", "prism")
        self.fly = FlyMachines(token=TOKEN, nulls=False)  # Fly's nulls are not in Fly's description
        self.port = free_port()
        self.log = tempfile.TemporaryFile("w+")
        words = [prism, "proxy", "-h", "127.0.0.1", "-p", str(self.port), "--errors", os.path.join(ROOT, "tests/contracts", CONTRACT), self.fly.url]
        self.prism = subprocess.Popen(words, stdout=self.log, stderr=self.log)
        wait_for("the proxy", lambda: self.get("/v1/apps/standby/machines") == 200, 3 * PATIENCE_S)  # it reads a long description first
        self.plugins = []

    def tearDown(self):
        for plugin in self.plugins:
            plugin.close()
        self.prism.terminate()
        self.prism.wait(PATIENCE_S)
        self.fly.close()
        self.log.close()

    def get(self, path):
        ask = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            with urllib.request.urlopen(ask, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def call(self, method, interface="target", settings=None, expect="ok", budget_ms=paced(30000), **params):
        plugin = Plugin("flyio", interface, {"app": "standby", "token": TOKEN, "api": f"http://127.0.0.1:{self.port}", **(settings or {})}, service="trader", target="fly")
        self.plugins.append(plugin)
        answer = plugin.call(method, {"service": "trader", "target": "fly", **params}, budget_ms)
        self.assertEqual(answer["status"], expect, answer)
        return answer["result"] if expect == "ok" else answer["error"]

    def test_everything_it_does_obeys_the_description(self):
        new = {"image": "registry.fly.io/standby:v1", "regions": ["fra", "ams"], "memory": 512 << 20, "idle_stop": 3600000, "autostop": "stop", "started_after": 100,
               "config": {"services": [{"protocol": "tcp", "internal_port": 8080, "ports": [{"port": 443, "handlers": ["tls", "http"]}]}],
                          "checks": {"alive": {"type": "http", "port": 8080, "path": "/health", "interval": "15s", "timeout": "2s"}}}}
        self.fly.full = {"fra"}
        self.fly.seconds["settle"] = 0.5  # some 412
        self.assertEqual(self.call("standby.activate/1", settings=new, epoch=5, operation="a")["state"], "active")
        self.assertEqual(self.call("standby.observe/1", settings=new)["epoch"], 5)
        self.assertEqual(self.call("health.check/1", "health", timeout_ms=25000)["outcome"], "pass")
        self.assertGreater(self.call("standby.quote/1", settings=new)["active_usd_per_hour"], 0)
        (machine,) = self.fly.machines.values()
        machine.config = {**machine.config, "image": "registry.fly.io/standby:v2"}
        machine.new_version()
        self.assertEqual(self.call("standby.rollback/1", settings=new, epoch=5, operation="r")["to"], "registry.fly.io/standby:v1")
        self.assertTrue(self.call("standby.deactivate/1", settings=new, epoch=5, operation="d", grace_ms=1000)["stopped"])
        machine.lease = None  # of the stop: it ends by itself, and another instance waits for that
        warm = {**new, "prewarm": "suspend"}
        self.assertTrue(self.call("standby.prewarm/1", settings=warm, operation="w")["ready"])
        self.assertEqual(self.call("standby.activate/1", settings=warm, epoch=6, operation="b")["epoch"], 6)
        self.assertEqual((machine.boots, machine.resumes), (3, 1))
        self.assertTrue(self.call("standby.deactivate/1", settings=warm, epoch=6, operation="e", grace_ms=1000)["stopped"])
        self.log.seek(0)
        self.assertNotIn("violation", self.log.read().lower())
        self.assertEqual(self.fly.problems, [])

    def test_refusals_obey_it_too(self):
        machine = self.fly.add()
        start = {"method": "standby.activate/1", "epoch": 5, "operation": "a"}
        self.fly.lease_of(machine)
        self.assertIn("lease currently held", self.call(**start, expect="conflict", budget_ms=paced(8000))["message"])
        machine.lease = None
        self.assertEqual(self.call("standby.observe/1", settings={"app": "other"}, expect="invalid")["kind"], "not_found")
        self.assertEqual(self.call("standby.observe/1", settings={"token": "fo1_another"}, expect="denied")["kind"], "token")
        self.fly.limits = True
        self.assertEqual(self.call(**start)["state"], "active")
        self.fly.limits = False
        self.fly.full.add("ams")
        self.assertEqual(self.call(**start, settings={"metadata": {"is": "new"}, "image": "x", "regions": ["ams"]}, expect="transient")["kind"], "capacity")
        self.assertEqual(self.call(**start, settings={"metadata": {"is": "new"}, "image": "x", "regions": ["xyz"]}, expect="invalid")["kind"], "refused")
        self.assertEqual(self.fly.problems, [])

    def test_the_proxy_would_notice(self):
        machine = self.fly.add()
        machine.state = 5
        self.assertEqual(self.get("/v1/apps/standby/machines"), 500)


if __name__ == "__main__":
    unittest.main()
