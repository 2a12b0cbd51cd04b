"""A host without power on a network that works: after a while nobody answers for its address, and connecting fails with "no route to
host". That is the host's failure; only a network that we cannot use ourselves says nothing of it."""
import os
import subprocess
import unittest

from harness import free_port
from plugin_driver import Plugin

DEAD, NO_WAY = "203.0.113.77", "203.0.113.78"  # TEST-NET-3 (RFC 5737)


def route(verb, kind, address):
    return subprocess.run(["ip", "route", verb, kind, address + "/32"], stderr=subprocess.DEVNULL).returncode == 0


@unittest.skipIf(os.getuid() != 0, "routes need root")
class DeadHost(unittest.TestCase):
    def setUp(self):
        for kind, address in (("unreachable", DEAD), ("throw", NO_WAY)):
            self.assertTrue(route("add", kind, address))
            self.addCleanup(route, "del", kind, address)

    def check(self, lib, settings):
        plugin = Plugin(lib, "health", settings)
        self.addCleanup(plugin.close)
        return plugin.call("health.check/1", {"timeout_ms": 30000}, 40000)["result"]  # at once: the kernel knows

    def test_nobody_there_is_a_failure_and_no_way_there_is_not(self):
        for lib, url in (("http", "http://{}:{}/health"), ("http", "tcp://{}:{}"), ("agent", "http://{}:{}")):
            port = free_port()
            dead = self.check(lib, {"url": url.format(DEAD, port)})
            self.assertEqual(("fail", False, False), (dead["outcome"], dead.get("verdict", True), dead.get("local", False)), dead)
            self.assertEqual("unknown", self.check(lib, {"url": url.format(NO_WAY, port)})["outcome"])


if __name__ == "__main__":
    unittest.main()
