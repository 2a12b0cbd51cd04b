"""What the tests of flyio share: Fly's Machines API with state, and instances of the plugin that speak to it."""
import json
import os
import sys
import unittest

from harness import ROOT, paced
from plugin_driver import Plugin

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from fly_machines import FlyMachines  # noqa: E402

TOKEN = "fo1_planted_token"


class Fly(unittest.TestCase):
    nulls, limits = True, False

    def setUp(self):
        self.fly = FlyMachines(token=TOKEN, nulls=self.nulls, limits=self.limits)
        self.plugins = []

    def tearDown(self):
        self.fly.close()
        for plugin in self.plugins:
            plugin.close()
            self.assertNotIn(TOKEN, plugin.said())
        self.assertEqual(self.fly.problems, [])

    def plugin(self, interface="target", url=None, **settings):
        defaults = {"app": "standby", "token": {"$secret": {"env": "PLANTED"}}, "api": url or self.fly.url}
        if interface == "target":
            defaults.update(started_after=100, lease_ttl=5000)
        out = Plugin("flyio", interface, {**defaults, **settings}, env={"PLANTED": TOKEN}, service="trader", target="fly")
        self.plugins.append(out)
        return out

    def call(self, plugin, method, expect="ok", budget_ms=paced(20000), **params):
        answer = plugin.call(method, {"service": "trader", "target": "fly", **params}, budget_ms)
        self.assertNotIn(TOKEN, json.dumps(answer))
        self.assertEqual(answer["status"], expect, answer)
        return answer["result"] if expect == "ok" else answer["error"]

    def activate(self, plugin, epoch, expect="ok", budget_ms=paced(20000), **params):
        return self.call(plugin, "standby.activate/1", expect, budget_ms, epoch=epoch, operation=f"op-{epoch}", snapshot="20261121T101500.123Z-e7", reason="failover", **params)

    def deactivate(self, plugin, epoch, expect="ok", budget_ms=paced(20000), grace_ms=1000):
        return self.call(plugin, "standby.deactivate/1", expect, budget_ms, epoch=epoch, operation=f"stop-{epoch}", grace_ms=grace_ms)

    def observe(self, plugin, expect="ok", budget_ms=paced(5000)):
        return self.call(plugin, "standby.observe/1", expect, budget_ms)
